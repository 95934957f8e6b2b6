//! The server's REST side, on the same port: just enough HTTP for `GET /` and `GET /v1/users/:id`.

use tokio::io::{self, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::World;

/// A request's head, as far as it is needed.
pub(super) struct Head {
    pub(super) target: String,
    pub(super) upgrade: bool,
}

const HEAD_BYTES_MAX: usize = 16 << 10;

/// Looks at the head without taking it, since the WebSocket handshake wants to read it itself.
pub(super) async fn peek_head(stream: &TcpStream) -> io::Result<Option<Head>> {
    let mut seen = vec![0; HEAD_BYTES_MAX];
    let mut known = 0;
    loop {
        let length = stream.peek(&mut seen).await?;
        let text = String::from_utf8_lossy(&seen[..length]);
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let target = head.split(' ').nth(1).unwrap_or("/").to_owned();
            let upgrade = head.to_ascii_lowercase().contains("\r\nupgrade: websocket");
            return Ok(Some(Head { target, upgrade }));
        }
        // TLS, perhaps: nothing that will ever become a head.
        let no_http = seen[..length].first().is_some_and(|byte| !byte.is_ascii_uppercase());
        if no_http || length == 0 || length == HEAD_BYTES_MAX {
            return Ok(None);
        }
        if length == known {
            // The rest of the head is on its way; `peek` alone would not wait for it.
            tokio::task::yield_now().await;
        }
        known = length;
    }
}

pub(super) fn answer(world: &World, target: &str) -> (u16, String) {
    let path = target.split('?').next().unwrap_or(target);
    if path == "/" {
        let count = world.people.len();
        return (
            200,
            format!(
                r#"{{"success":true,"data":{{"info":"A simulated Lanyard.","monitored_user_count":{count},"discord_invite":"https://discord.gg/lanyard"}}}}"#
            ),
        );
    }
    let Some(id) = path.strip_prefix("/v1/users/") else {
        let body = r#"{"success":false,"error":{"code":"not_found","message":"Route does not exist"}}"#;
        return (404, body.to_owned());
    };
    match world.people.get(id) {
        Some(presence) => (200, format!(r#"{{"success":true,"data":{presence}}}"#)),
        None => (
            404,
            r#"{"success":false,"error":{"code":"user_not_monitored","message":"User is not being monitored by Lanyard"}}"#.to_owned(),
        ),
    }
}

/// To whoever speaks something else.
pub(super) async fn refuse(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await?;
    stream.shutdown().await
}

/// Reads the request and answers it; one request a connection.
pub(super) async fn serve(stream: &mut TcpStream, (status, body): (u16, String)) -> io::Result<()> {
    let mut request = vec![0; HEAD_BYTES_MAX];
    io::AsyncReadExt::read(stream, &mut request).await?;
    let reason = if status == 200 { "OK" } else { "Not Found" };
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}
