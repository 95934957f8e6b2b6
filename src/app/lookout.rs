//! Lanyard without an outbox, for whoever only looks on or records: the connection and the census.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::census;
use super::fault::Fault;
use super::pipeline::ask_for;
use crate::clock::Clock;
use crate::lanyard::observation::Observation;
use crate::lanyard::rest::Rest;
use crate::lanyard::socket::Client;
use crate::presence::by_id::ById;
use crate::presence::model::UserId;
use crate::proxies::Proxies;
use crate::rules::set::RuleSet;
use crate::time::Moment;

/// So many people can wait for the census; those who do not fit are asked about next time.
const ABSENT_MAX: usize = 1024;
/// Whoever has been found to be unmonitored for so long is not asked about any more: it is believed.
const BELIEVED_AFTER: Duration = Duration::from_secs(600);

pub struct Lookout {
    pub clock: Clock,
    client: Client,
    absent: mpsc::Sender<UserId>,
    unmonitored: mpsc::Receiver<UserId>,
    /// Since when Lanyard says that it does not know somebody, and when it said so last.
    disowned: ById<(Duration, Duration)>,
    _census: JoinSet<Result<(), String>>,
}

impl Lookout {
    /// Connects when it is first driven, and asks for the people of `rules`, or for everyone. `seed` is chance.
    pub fn new(clock: Clock, rules: &RuleSet, everyone: bool, seed: u64) -> Result<Self, Fault> {
        Proxies::from_env().check().map_err(|error| Fault::Lanyard(error.to_string()))?;
        let tls = crate::tls::client_config(None).map_err(|error| Fault::Http(error.to_string()))?;
        let mut client = Client::new(&rules.lanyard, tls.clone(), seed)
            .map_err(|error| Fault::Lanyard(error.to_string()))?;
        let rest = Rest::new(&rules.lanyard, tls).map_err(|error| Fault::Lanyard(error.to_string()))?;
        ask_for(&mut client, clock.now(), rules);
        if everyone {
            client.want(clock.now(), rules.people.iter().map(|person| person.id), true);
        }
        let (absent, to_ask) = mpsc::channel(ABSENT_MAX);
        let (found, unmonitored) = mpsc::channel(ABSENT_MAX);
        let mut tasks = JoinSet::new();
        tasks.spawn(census::run(clock, rest, to_ask, found));
        Ok(Self { clock, client, absent, unmonitored, disowned: ById::default(), _census: tasks })
    }

    /// Waits until something has come, or until `due`, and hands out what it says. Dropping the future loses
    /// nothing.
    pub async fn next(&mut self, due: Option<Duration>, mut sink: impl FnMut(Moment, Observation<'_>)) {
        tokio::select! {
            biased;
            () = self.client.ready(self.clock.now(), true) => self.take(&mut sink),
            Some(id) = self.unmonitored.recv() => {
                let now = self.clock.now();
                self.disowned.entry(id).or_insert((now.mono, now.mono)).1 = now.mono;
                sink(now, Observation::Unmonitored(id));
            }
            () = self.clock.sleep_until_some(due) => {}
        }
    }

    fn take(&mut self, sink: &mut impl FnMut(Moment, Observation<'_>)) {
        let now = self.clock.now();
        let Self { client, absent, disowned, .. } = self;
        client.take(now, &mut |observation| {
            match &observation {
                Observation::Seen(id, _) | Observation::Updated(id, _) if !disowned.is_empty() => {
                    disowned.remove(id);
                }
                Observation::SnapshotEnd { absent: ids } => {
                    let believed = |id: &UserId| {
                        disowned.get(id).is_some_and(|(first, last)| *last > *first + BELIEVED_AFTER)
                    };
                    for &id in ids.iter().filter(|id| !believed(id)) {
                        // A full channel loses nothing: whoever stays absent is asked for again.
                        let _ = absent.try_send(id);
                    }
                }
                _ => {}
            }
            sink(now, observation);
        });
    }

    /// Asks for everybody again at once, where the last news is doubted.
    pub fn ask_again(&mut self) {
        self.client.ask_again(self.clock.now());
    }

    /// Whether Lanyard has answered on the present connection.
    pub fn live(&self) -> bool {
        self.client.live()
    }

    /// Why there is no connection, if there is none.
    pub fn trouble(&self) -> Option<&str> {
        self.client.trouble()
    }

    pub async fn close(&mut self) {
        self.client.close(self.clock.now()).await;
    }
}
