//! The simulated server, as `demo` and the tests hold it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::accept_async_with_config;

use super::connection::{self, Shared, lock};
use super::http;
use super::world::{Order, World};
use crate::presence::model::UserId;
use crate::presence::writing::PresenceJson;

pub use super::world::Mood;

/// Stops when it is dropped.
pub struct Simulator {
    address: SocketAddr,
    world: Shared,
    /// The listener and, below it, its connections.
    _tasks: JoinSet<()>,
}

impl Simulator {
    /// Listens; port 0 takes a free one.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let world = Arc::new(Mutex::new(World::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(listen(listener, Arc::clone(&world)));
        Ok(Self { address, world, _tasks: tasks })
    }

    /// What `lanyard.url` says.
    pub fn url(&self) -> String {
        format!("ws://{}/socket", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How a person is from now on, told to those subscribed; the same again is told again.
    pub fn set(&self, presence: &PresenceJson) {
        self.set_raw(presence.id(), &presence.json());
    }

    pub fn set_raw(&self, id: UserId, presence: &str) {
        lock(&self.world).set(&id.to_string(), presence);
    }

    /// How a person is from now on, told to nobody: the update that falls between INIT_STATE's snapshot and the
    /// subscription.
    pub fn set_unheard(&self, presence: &PresenceJson) {
        lock(&self.world).set_unheard(&presence.id().to_string(), &presence.json());
    }

    /// A person leaves Lanyard's Discord server; nobody is told.
    pub fn remove(&self, id: UserId) {
        lock(&self.world).remove(&id.to_string());
    }

    /// Nobody is known any more, as just after a restart.
    pub fn forget_everyone(&self) {
        let mut world = lock(&self.world);
        let everyone: Vec<String> = world.people.keys().cloned().collect();
        for id in &everyone {
            world.remove(id);
        }
    }

    pub fn mood(&self) -> Mood {
        lock(&self.world).mood
    }

    /// Changes how clients are treated; what only concerns new connections waits for them.
    pub fn set_mood(&self, mood: Mood) {
        lock(&self.world).mood = mood;
    }

    /// A frame in each connection's own encoding, whatever it says.
    pub fn send_frame(&self, text: &str) {
        self.order(&Order::Frame(text.to_owned()));
    }

    pub fn send_text(&self, text: &str) {
        self.order(&Order::Text(text.to_owned()));
    }

    pub fn send_binary(&self, bytes: &[u8]) {
        self.order(&Order::Binary(bytes.to_owned()));
    }

    /// A small frame that inflates to `bytes` bytes.
    pub fn send_bomb(&self, bytes: usize) {
        let bomb = format!(r#"{{"op":0,"t":"PRESENCE_UPDATE","d":{{"x":"{}"}}}}"#, " ".repeat(bytes));
        self.send_binary(&connection::deflate(bomb.as_bytes()));
    }

    pub fn close_all(&self, code: u16, reason: &str) {
        self.order(&Order::Close(code, reason.to_owned()));
    }

    /// Ends every connection without a word.
    pub fn drop_all(&self) {
        self.order(&Order::Drop);
    }

    /// Ends every connection in the middle of a frame.
    pub fn cut_all_mid_frame(&self) {
        self.order(&Order::CutMidFrame);
    }

    /// Connections stay and are dead: nothing is read, nothing answered, until `drop_all`.
    pub fn stall_all(&self) {
        self.order(&Order::Stall);
    }

    /// Those open now.
    pub fn connections(&self) -> usize {
        lock(&self.world).connections.len()
    }

    /// Those ever opened.
    pub fn connects(&self) -> u64 {
        lock(&self.world).connects
    }

    /// Text frames of clients in the order they came, each with its connection's number.
    pub fn received(&self) -> Vec<(u64, String)> {
        lock(&self.world).received.iter().cloned().collect()
    }

    fn order(&self, order: &Order) {
        lock(&self.world).order_all(order);
    }
}

async fn listen(listener: TcpListener, world: Shared) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(welcome(stream, Arc::clone(&world)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn welcome(mut stream: TcpStream, world: Shared) {
    if lock(&world).mood.refuses || stream.set_nodelay(true).is_err() {
        return;
    }
    let Ok(Some(head)) = http::peek_head(&stream).await else {
        // An error is a client that is gone.
        let _ = http::refuse(&mut stream).await;
        return;
    };
    if !head.upgrade || !head.target.starts_with("/socket") {
        let answer = http::answer(&lock(&world), &head.target);
        // An error is a client that is gone.
        let _ = http::serve(&mut stream, answer).await;
        return;
    }
    let zlib = head.target.split(['?', '&']).any(|part| part == "compression=zlib_json");
    if let Ok(socket) = accept_async_with_config(stream, Some(connection::limits())).await {
        connection::serve(socket, zlib, world).await;
    }
}
