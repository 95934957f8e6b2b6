//! Who is there, who is connected, and how the server feels today.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

/// Frames that a connection has not written yet; a client that lets more pile up is cut off.
pub(super) const UNWRITTEN_MAX: usize = 65_536;
/// Frames of clients that are remembered.
const RECEIVED_MAX: usize = 100_000;

/// What a connection is told to do.
#[derive(Clone, Debug)]
pub(super) enum Order {
    /// A frame in the connection's own encoding.
    Frame(String),
    Text(String),
    Binary(Vec<u8>),
    Close(u16, String),
    /// Half a frame, and the end.
    CutMidFrame,
    /// Neither read nor write any more, and stay connected.
    Stall,
    /// The end without a word.
    Drop,
}

#[derive(Default)]
pub(super) struct World {
    /// By id; ids are texts on the wire.
    pub(super) people: BTreeMap<String, String>,
    pub(super) connections: BTreeMap<u64, Connected>,
    /// Since the server began.
    pub(super) connects: u64,
    pub(super) received: VecDeque<(u64, String)>,
    pub(super) mood: Mood,
}

pub(super) struct Connected {
    orders: mpsc::Sender<Order>,
    everyone: bool,
    ids: BTreeSet<String>,
    /// Each op 2 counts on a server that doubles.
    doubled: BTreeSet<String>,
}

/// How the server treats its clients.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own for a test to throw")]
#[derive(Clone, Copy, Debug)]
pub struct Mood {
    pub heartbeat_interval_ms: u64,
    /// A client that sends nothing for this long is closed with 1002.
    pub silence_max: Duration,
    /// Connections are cut off before the upgrade.
    pub refuses: bool,
    /// The upgrade is answered, but no Hello comes.
    pub mute: bool,
    /// Op 2 is read and not answered.
    pub hangs: bool,
    /// As before July 2026: a repeated op 2 doubles updates, and op 4 does nothing.
    pub old: bool,
    /// Keys in the order `op`, `t`, `d` instead of `d` before `t`.
    pub t_first: bool,
    /// `user_id` and `seq` are sent, as the documentation has it.
    pub documented: bool,
}

impl Default for Mood {
    fn default() -> Self {
        Self {
            heartbeat_interval_ms: 30_000,
            silence_max: Duration::from_secs(60),
            refuses: false,
            mute: false,
            hangs: false,
            old: false,
            t_first: false,
            documented: false,
        }
    }
}

impl World {
    pub(super) fn connect(&mut self) -> (u64, mpsc::Receiver<Order>) {
        let (orders, inbox) = mpsc::channel(UNWRITTEN_MAX);
        self.connects += 1;
        let connected = Connected { orders, everyone: false, ids: BTreeSet::new(), doubled: BTreeSet::new() };
        self.connections.insert(self.connects, connected);
        (self.connects, inbox)
    }

    pub(super) fn order_all(&mut self, order: &Order) {
        // A full inbox is a client that reads too slowly: Lanyard cuts it off, too.
        self.connections.retain(|_, connected| connected.orders.try_send(order.clone()).is_ok());
    }

    pub(super) fn remember(&mut self, connection: u64, text: String) {
        if self.received.len() == RECEIVED_MAX {
            self.received.pop_front();
        }
        self.received.push_back((connection, text));
    }

    /// A person's presence, told to everyone subscribed; the same one again is told again.
    pub(super) fn set(&mut self, id: &str, presence: &str) {
        self.people.insert(id.to_owned(), presence.to_owned());
        let frame = self.update(id, presence);
        self.connections.retain(|_, connected| {
            let times = connected.times(id);
            (0..times).all(|_| connected.orders.try_send(Order::Frame(frame.clone())).is_ok())
        });
    }

    /// A person's presence, told to nobody.
    pub(super) fn set_unheard(&mut self, id: &str, presence: &str) {
        self.people.insert(id.to_owned(), presence.to_owned());
    }

    /// Gone without a word; whoever had asked for the person by id hears nothing of a return.
    pub(super) fn remove(&mut self, id: &str) {
        self.people.remove(id);
        for connected in self.connections.values_mut() {
            connected.ids.remove(id);
            connected.doubled.remove(id);
        }
    }

    fn update(&self, id: &str, presence: &str) -> String {
        let extra = if self.mood.documented { ",\"seq\":5" } else { "" };
        let presence = match presence.strip_prefix('{') {
            Some(rest) if self.mood.documented => format!("{{\"user_id\":\"{id}\",{rest}"),
            _ => presence.to_owned(),
        };
        self.event("PRESENCE_UPDATE", &presence, extra)
    }

    fn event(&self, t: &str, d: &str, extra: &str) -> String {
        if self.mood.t_first {
            format!("{{\"op\":0{extra},\"t\":\"{t}\",\"d\":{d}}}")
        } else {
            format!("{{\"op\":0,\"d\":{d},\"t\":\"{t}\"{extra}}}")
        }
    }

    /// Op 2: subscribes, and gives the INIT_STATE.
    pub(super) fn subscribe(
        &mut self,
        connection: u64,
        d: &serde_json::Map<String, Value>,
    ) -> Option<String> {
        let old = self.mood.old;
        let connected = self.connections.get_mut(&connection)?;
        if d.get("subscribe_to_all").and_then(Value::as_bool) == Some(true) {
            connected.everyone = true;
            let whole: Vec<String> = self.people.iter().map(|(id, raw)| format!("\"{id}\":{raw}")).collect();
            return Some(self.event("INIT_STATE", &format!("{{{}}}", whole.join(",")), ""));
        }
        let mut add = |id: &str| {
            let known = self.people.get(id)?;
            if !connected.ids.insert(id.to_owned()) && old {
                connected.doubled.insert(id.to_owned());
            }
            Some(known)
        };
        if let Some(Value::Array(ids)) = d.get("subscribe_to_ids") {
            let known = ids.iter().filter_map(Value::as_str);
            let known = known.filter_map(|id| add(id).map(|raw| format!("\"{id}\":{raw}")));
            let known: Vec<String> = known.collect();
            return Some(self.event("INIT_STATE", &format!("{{{}}}", known.join(",")), ""));
        }
        let id = d.get("subscribe_to_id")?.as_str().unwrap_or("");
        let raw = add(id).cloned().unwrap_or_else(|| "{}".to_owned());
        Some(self.event("INIT_STATE", &raw, ""))
    }

    /// Op 4. Never answered.
    pub(super) fn unsubscribe(&mut self, connection: u64, d: &serde_json::Map<String, Value>) {
        if self.mood.old {
            return;
        }
        let Some(connected) = self.connections.get_mut(&connection) else { return };
        if d.get("unsubscribe_from_all").and_then(Value::as_bool) == Some(true) {
            connected.everyone = false;
            connected.ids.clear();
        }
        let one = d.get("unsubscribe_from_id");
        let many = d.get("unsubscribe_from_ids").and_then(Value::as_array).into_iter().flatten();
        for id in one.into_iter().chain(many).filter_map(Value::as_str) {
            connected.ids.remove(id);
        }
    }
}

impl Connected {
    fn times(&self, id: &str) -> usize {
        let subscribed = self.everyone || self.ids.contains(id);
        usize::from(subscribed) + usize::from(subscribed && self.doubled.contains(id))
    }
}
