//! One client of the simulated server, from Hello to the end.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::world::{Order, World};

pub(super) type Shared = Arc<Mutex<World>>;

/// A real server closes on larger messages.
const CLIENT_MESSAGE_BYTES_MAX: usize = 10_000_000;

/// Why a connection is closed.
type Closing = (u16, &'static str);

pub(super) fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(CLIENT_MESSAGE_BYTES_MAX))
        .max_frame_size(Some(CLIENT_MESSAGE_BYTES_MAX))
}

pub(super) fn lock(world: &Shared) -> std::sync::MutexGuard<'_, World> {
    // A panic elsewhere leaves plain tables behind; there is nothing half-done in them.
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) async fn serve(mut socket: WebSocketStream<TcpStream>, zlib: bool, world: Shared) {
    let (id, mut orders) = lock(&world).connect();
    // An error is a client that is gone.
    let _ = converse(&mut socket, zlib, id, &mut orders, &world).await;
    lock(&world).connections.remove(&id);
}

async fn converse(
    socket: &mut WebSocketStream<TcpStream>,
    zlib: bool,
    id: u64,
    orders: &mut mpsc::Receiver<Order>,
    world: &Shared,
) -> Result<(), WsError> {
    let mood = lock(world).mood;
    if !mood.mute {
        let hello = format!(r#"{{"op":1,"d":{{"heartbeat_interval":{}}}}}"#, mood.heartbeat_interval_ms);
        socket.send(encode(hello, zlib)).await?;
    }
    loop {
        let silence_max = lock(world).mood.silence_max;
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => if !obey(socket, zlib, order, orders).await? { return Ok(()) },
                // Cut off for reading too slowly.
                None => return Ok(()),
            },
            message = tokio::time::timeout(silence_max, socket.next()) => {
                let closing = match message {
                    Err(_) => Err((1002, "")),
                    Ok(None) => return Ok(()),
                    Ok(Some(Err(WsError::Capacity(_)))) => Err((1009, "")),
                    Ok(Some(Err(error))) => return Err(error),
                    Ok(Some(Ok(message))) => heed(message, id, world),
                };
                match closing {
                    Ok(Some(answer)) => socket.send(encode(answer, zlib)).await?,
                    Ok(None) => {}
                    Err((code, reason)) => return close(socket, code, reason.to_owned()).await,
                }
            }
        }
    }
}

/// A client's message: perhaps an answer, perhaps the end.
fn heed(message: Message, id: u64, world: &Shared) -> Result<Option<String>, Closing> {
    let text = match message {
        Message::Text(text) => text,
        Message::Binary(_) => return Err((4006, "invalid_payload")),
        // Nobody was pinged.
        Message::Pong(_) => return Err((1011, "")),
        Message::Ping(_) | Message::Close(_) | Message::Frame(_) => return Ok(None),
    };
    let mut world = lock(world);
    world.remember(id, text.as_str().to_owned());
    let Ok(Value::Object(frame)) = serde_json::from_str(text.as_str()) else {
        return Err((4006, "invalid_payload"));
    };
    let d = frame.get("d").and_then(Value::as_object);
    match frame.get("op").and_then(Value::as_u64) {
        Some(2) => {
            let d = d.ok_or((4005, "requires_data_object"))?;
            let answer = world.subscribe(id, d).ok_or((4006, "invalid_payload"))?;
            Ok((!world.mood.hangs).then_some(answer))
        }
        Some(3) => Ok(None),
        Some(4) => {
            world.unsubscribe(id, d.ok_or((4005, "requires_data_object"))?);
            Ok(None)
        }
        _ => Err((4004, "unknown_opcode")),
    }
}

/// Whether the connection goes on.
async fn obey(
    socket: &mut WebSocketStream<TcpStream>,
    zlib: bool,
    order: Order,
    orders: &mut mpsc::Receiver<Order>,
) -> Result<bool, WsError> {
    match order {
        Order::Frame(text) => socket.send(encode(text, zlib)).await?,
        Order::Text(text) => socket.send(Message::text(text)).await?,
        Order::Binary(bytes) => socket.send(Message::binary(bytes)).await?,
        Order::Close(code, reason) => {
            close(socket, code, reason).await?;
            return Ok(false);
        }
        Order::CutMidFrame => {
            // FIN and text, 2,000 bytes announced, a few sent.
            let stream = socket.get_mut();
            stream.write_all(&[0x81, 126, 0x07, 0xd0]).await?;
            stream.write_all(br#"{"op":0,"d":{"#).await?;
            stream.shutdown().await?;
            return Ok(false);
        }
        Order::Stall => {
            while let Some(order) = orders.recv().await {
                if matches!(order, Order::Drop) {
                    break;
                }
            }
            return Ok(false);
        }
        Order::Drop => return Ok(false),
    }
    Ok(true)
}

async fn close(socket: &mut WebSocketStream<TcpStream>, code: u16, reason: String) -> Result<(), WsError> {
    const GOODBYE_WAIT: Duration = Duration::from_secs(1);
    socket.send(Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))).await?;
    let answered = async { while let Some(Ok(_)) = socket.next().await {} };
    let _ = tokio::time::timeout(GOODBYE_WAIT, answered).await;
    Ok(())
}

fn encode(text: String, zlib: bool) -> Message {
    if zlib { Message::Binary(deflate(text.as_bytes())) } else { Message::text(text) }
}

/// One complete zlib stream.
pub(super) fn deflate(text: &[u8]) -> Bytes {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let whole = encoder.write_all(text).and_then(|()| encoder.finish());
    whole.expect("writing to memory cannot fail").into()
}
