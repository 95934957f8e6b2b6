//! Who may see and change what over `--listen`: decided from the head of a request alone.
//!
//! Reading is open on this machine only. Where the bot listens beyond it, everything but whether it lives and
//! whether it is ready needs the token. Whatever changes something needs the token, if there is one, and must
//! not come from a page elsewhere.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use tracing::{info, warn};

use super::brake::Brake;
use super::peer::Caller;
use super::token::{BadToken, CHARS_ADVISED, Token};
use crate::clock::Clock;
use crate::printable;
use crate::rarely::{RarelyEach, Told};

/// Of a path, so much is told in the log.
const PATH_CHARS_MAX: usize = 80;

/// Names for this machine beside addresses and what `--listen` says.
const LOCAL_NAME: &str = "localhost";

/// The rules of the door.
#[derive(Debug)]
pub struct Access {
    token: Option<Token>,
    reach: Reach,
    /// The host in `--listen`, in lower case.
    called: String,
    clock: Clock,
    brake: Mutex<Brake>,
    /// What the log was told of those who were turned away: whoever guesses at a token must not fill a disk.
    turned_away: Mutex<HashMap<Refusal, RarelyEach<Caller>>>,
}

/// From where the bot can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Only from this machine.
    Loopback,
    Beyond,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Whether the bot lives: anybody may ask.
    Life,
    /// Whether it is ready: anybody may ask, and is told which part is not; why, only those who may read.
    Readiness,
    /// To show the token and get a pass for it.
    Login,
    Reading,
    Changing,
}

/// What was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Has shown the token, or the pass that stands for it.
    Keyholder,
    /// May know whatever there is to read, without having shown anything.
    Reader,
    /// Knows nothing but what anybody may.
    Stranger,
}

impl Grant {
    /// Whether whatever there is to read may be read.
    pub fn reads(self) -> bool {
        self != Self::Stranger
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It listens beyond this machine, or a proxy stands before it, and no token was set.
    Closed,
    NoToken,
    WrongToken,
    /// So many wrong ones came from there that this one was not looked at.
    Braked,
    /// Asked for under a name that is not this machine's: a page elsewhere may have had it point here.
    ForeignHost,
    /// A page elsewhere asks.
    ForeignPage,
}

impl Refusal {
    fn word(self) -> &'static str {
        match self {
            Self::Closed => "it came from beyond this machine or through a proxy, and there is no --token",
            Self::NoToken => "it had no token",
            Self::WrongToken => "its token was wrong",
            Self::Braked => "too many wrong tokens came from there",
            Self::ForeignHost => "it asked for a name that is not this machine's",
            Self::ForeignPage => "a page elsewhere sent it",
        }
    }

    /// Its word in the metrics.
    pub fn cause(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::NoToken => "no_token",
            Self::WrongToken => "wrong_token",
            Self::Braked => "braked",
            Self::ForeignHost => "foreign_host",
            Self::ForeignPage => "foreign_page",
        }
    }
}

/// What counts of a request's head.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head<'h> {
    /// `Host`, or the authority of the address; `None` if there is none, `Some("")` if there are several.
    pub host: Option<&'h str>,
    pub origin: Option<&'h str>,
    /// `Sec-Fetch-Site`, which a browser adds and no page can write.
    pub fetch_site: Option<&'h str>,
    /// A browser opens it as a page of its own: a link, an address that was typed.
    pub opens_page: bool,
    /// `Authorization: Bearer …`
    pub bearer: Option<&'h str>,
    /// The cookie that a login has set.
    pub pass: Option<&'h str>,
    /// A proxy says that it hands on what came from elsewhere.
    pub forwarded: bool,
}

impl Access {
    /// `listening` is the address that was really taken, `called` the host that `--listen` names.
    pub fn new(token: Option<Token>, listening: SocketAddr, called: &str) -> Result<Self, BadToken> {
        let local = listening.ip().to_canonical().is_loopback();
        let reach = if local { Reach::Loopback } else { Reach::Beyond };
        if reach == Reach::Beyond && token.as_ref().is_some_and(Token::is_tiny) {
            return Err(BadToken::Tiny { at: listening });
        }
        Ok(Self {
            token,
            reach,
            called: called.to_ascii_lowercase(),
            clock: Clock::start(),
            brake: Mutex::default(),
            turned_away: Mutex::default(),
        })
    }

    pub fn reach(&self) -> Reach {
        self.reach
    }

    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// Says in the log what is open to whom.
    pub fn tell(&self, address: SocketAddr) {
        match (self.reach, &self.token) {
            (Reach::Loopback, None) => info!(%address, "listening, for this machine only"),
            (Reach::Loopback, Some(_)) => {
                info!(%address, "listening, for this machine only; what changes something needs the token");
            }
            (Reach::Beyond, Some(_)) => {
                info!(%address, "listening: /healthz and /readyz are open, everything else needs the token");
            }
            (Reach::Beyond, None) => warn!(
                %address,
                "listening beyond this machine without a token: only /healthz and /readyz answer; with --token or \
                 DOORCHIME_TOKEN the rest can be read, too"
            ),
        }
        if self.token.as_ref().is_some_and(Token::is_short) {
            warn!(
                advised = CHARS_ADVISED,
                "the token is short and can be guessed: `openssl rand -hex 32` makes a long one"
            );
        }
    }

    /// Says in the log that somebody was turned away, who asked for this path.
    pub fn tell_refusal(&self, refusal: Refusal, caller: Caller, path: &str) {
        let now = self.clock.now().mono;
        let mut told = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.entry(refusal).or_default().tell(caller.networks(), now);
        if let Some(Told { more, together }) = told {
            let Caller { peer, client } = caller;
            let path: String = printable::plain(path).chars().take(PATH_CHARS_MAX).collect();
            let client = client.map(tracing::field::display);
            warn!(%peer, client, addresses = together, path, why = refusal.word(), more, "a request was turned away");
        }
    }

    pub fn judge(&self, purpose: Purpose, caller: Caller, head: &Head<'_>) -> Result<Grant, Refusal> {
        match purpose {
            Purpose::Readiness => Ok(self.reads(caller, head).unwrap_or(Grant::Stranger)),
            Purpose::Login if head.is_foreign(purpose) => Err(Refusal::ForeignPage),
            Purpose::Life | Purpose::Login => Ok(Grant::Stranger),
            Purpose::Reading => self.reads(caller, head),
            Purpose::Changing => self.changes(caller, head),
        }
    }

    fn reads(&self, caller: Caller, head: &Head<'_>) -> Result<Grant, Refusal> {
        if head.is_foreign(Purpose::Reading) {
            return Err(Refusal::ForeignPage);
        }
        self.shows_token(caller, head).or_else(|without| self.is_at_home(head, without))
    }

    fn changes(&self, caller: Caller, head: &Head<'_>) -> Result<Grant, Refusal> {
        if head.is_foreign(Purpose::Changing) {
            return Err(Refusal::ForeignPage);
        }
        match self.shows_token(caller, head) {
            Err(Refusal::Closed) => self.is_at_home(head, Refusal::Closed),
            shown => shown,
        }
    }

    /// A request that knows the token may come under any name: no page elsewhere has it, and a pass is only
    /// sent to the name that set it.
    fn shows_token(&self, caller: Caller, head: &Head<'_>) -> Result<Grant, Refusal> {
        let Some(token) = &self.token else { return Err(Refusal::Closed) };
        match (head.bearer, head.pass) {
            (Some(bearer), _) => self.opens(caller, bearer).map(|_| Grant::Keyholder),
            // Nobody guesses at a pass: a wrong one is that of an earlier token.
            (None, Some(pass)) if token.is_pass(pass) => Ok(Grant::Keyholder),
            (None, Some(_)) => Err(Refusal::WrongToken),
            (None, None) => Err(Refusal::NoToken),
        }
    }

    /// The token, if this is it, and if not too many wrong ones came from there.
    pub fn opens(&self, caller: Caller, given: &str) -> Result<&Token, Refusal> {
        let token = self.token.as_ref().ok_or(Refusal::WrongToken)?;
        if given.is_empty() {
            return Err(Refusal::WrongToken);
        }
        let now = self.clock.now().mono;
        // Looked at one by one: those that come side by side are counted before the next one is looked at.
        let mut brake = self.brake.lock().unwrap_or_else(PoisonError::into_inner);
        if !brake.lets(caller, now) {
            return Err(Refusal::Braked);
        }
        if token.is(given) {
            return Ok(token);
        }
        brake.wrong(caller, now);
        Err(Refusal::WrongToken)
    }

    /// Whether a request without a token comes from this machine, and from nobody's page but ours; `without` is
    /// what the token has to do with it.
    fn is_at_home(&self, head: &Head<'_>, without: Refusal) -> Result<Grant, Refusal> {
        let at_home = self.reach == Reach::Loopback && !head.forwarded;
        match head.host {
            _ if !at_home => Err(without),
            Some(host) if !self.is_own_name(host) => Err(match without {
                Refusal::Closed => Refusal::ForeignHost,
                without => without,
            }),
            // Browsers always say whom they ask for.
            _ => Ok(Grant::Reader),
        }
    }

    fn is_own_name(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        // A name can be made to point here, an address cannot.
        bare.parse::<IpAddr>().is_ok()
            || name == LOCAL_NAME
            || name.strip_suffix(LOCAL_NAME).is_some_and(|rest| rest.ends_with('.'))
            || name == self.called
    }
}

impl Head<'_> {
    /// Whether another page than ours asks.
    fn is_foreign(&self, purpose: Purpose) -> bool {
        if let Some(origin) = self.origin {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            if !authority.zip(self.host).is_some_and(|(from, to)| from.eq_ignore_ascii_case(to)) {
                return true;
            }
        }
        match self.fetch_site {
            None | Some("same-origin" | "none") => false,
            // Somebody followed a link to us.
            Some(_) => !(purpose == Purpose::Reading && self.opens_page),
        }
    }
}

/// The host of an authority.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !host.is_empty() => {
            if host.contains(':') && !host.ends_with(']') { authority } else { host }
        }
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::peer::Peer;

    const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const ANY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    const TOKEN: &str = "s3cret-s3cret";

    fn access(token: Option<&str>, at: IpAddr) -> Access {
        let token = token.map(|token| Token::new(token.into()).unwrap());
        Access::new(token, (at, 9090).into(), "Bot.lan").unwrap()
    }

    fn peer(address: &str) -> Caller {
        Caller::new(Peer::new(address.parse().unwrap()), None)
    }

    #[test]
    fn names_of_this_machine() {
        let access = access(None, LOCAL);
        for own in [
            "127.0.0.1:9090",
            "127.0.0.1",
            "localhost:9090",
            "LOCALHOST",
            "bot.lan:1",
            "a.localhost",
            "[::1]:9090",
            "192.168.1.2:9090",
        ] {
            assert!(access.is_own_name(own), "{own}");
        }
        for foreign in [
            "evil.example",
            "localhost.evil.example:9090",
            "evillocalhost",
            "",
            "127.0.0.1.nip.io",
            "bot.lan.",
        ] {
            assert!(!access.is_own_name(foreign), "{foreign}");
        }
    }

    #[test]
    fn reach_is_what_was_really_taken() {
        for (at, reach) in [
            ("127.0.0.1", Reach::Loopback),
            ("127.9.9.9", Reach::Loopback),
            ("::1", Reach::Loopback),
            ("::ffff:127.0.0.1", Reach::Loopback),
            ("0.0.0.0", Reach::Beyond),
            ("::", Reach::Beyond),
            ("192.168.1.2", Reach::Beyond),
        ] {
            assert_eq!(access(None, at.parse().unwrap()).reach(), reach, "{at}");
        }
    }

    #[test]
    fn a_stranger_is_told_what_anybody_may_know() {
        let (head, peer) = (Head { host: Some("10.0.0.1:9090"), ..Head::default() }, peer("10.0.0.2"));
        for token in [None, Some(TOKEN)] {
            let beyond = access(token, ANY);
            assert_eq!(beyond.judge(Purpose::Life, peer, &head), Ok(Grant::Stranger));
            assert_eq!(beyond.judge(Purpose::Readiness, peer, &head), Ok(Grant::Stranger));
            let with_token = Head { bearer: Some(TOKEN), ..head };
            let grant = if token.is_some() { Grant::Keyholder } else { Grant::Stranger };
            assert_eq!(beyond.judge(Purpose::Readiness, peer, &with_token), Ok(grant));
        }
        assert_eq!(access(None, LOCAL).judge(Purpose::Readiness, peer, &head), Ok(Grant::Reader));
    }

    #[test]
    fn what_came_through_a_proxy_is_not_from_this_machine() {
        let head = Head { host: Some("127.0.0.1:9090"), forwarded: true, ..Head::default() };
        let here = peer("127.0.0.1");
        for purpose in [Purpose::Reading, Purpose::Changing] {
            assert_eq!(access(None, LOCAL).judge(purpose, here, &head), Err(Refusal::Closed));
            assert_eq!(access(Some(TOKEN), LOCAL).judge(purpose, here, &head), Err(Refusal::NoToken));
            let with_token = Head { bearer: Some(TOKEN), ..head };
            assert_eq!(access(Some(TOKEN), LOCAL).judge(purpose, here, &with_token), Ok(Grant::Keyholder));
        }
    }

    #[test]
    fn whoever_guesses_is_braked_wherever_a_token_is_looked_at_and_nobody_else() {
        let pass = Token::new(TOKEN.into()).unwrap().pass();
        let wrong = Head { host: Some("bot.lan"), bearer: Some("guess"), ..Head::default() };
        let (guesser, owner) = (peer("192.0.2.1"), peer("192.0.2.2"));
        for purpose in [Purpose::Reading, Purpose::Changing, Purpose::Readiness] {
            let access = access(Some(TOKEN), ANY);
            let judged: Vec<_> = (0..100).map(|_| access.judge(purpose, guesser, &wrong)).collect();
            let right = Head { bearer: Some(TOKEN), ..wrong };
            let refused = if purpose == Purpose::Readiness {
                Ok(Grant::Stranger)
            } else {
                assert_eq!(judged[0], Err(Refusal::WrongToken));
                Err(Refusal::Braked)
            };
            assert_eq!(judged[99], refused);
            assert_eq!(access.judge(purpose, guesser, &right), refused, "else the brake would be none");
            assert_eq!(access.opens(guesser, TOKEN).err(), Some(Refusal::Braked));
            assert_eq!(access.judge(purpose, owner, &right), Ok(Grant::Keyholder));
            let with_pass = Head { bearer: None, pass: Some(&pass), ..wrong };
            assert_eq!(access.judge(purpose, guesser, &with_pass), Ok(Grant::Keyholder));
        }
    }

    #[test]
    fn a_pass_of_an_earlier_token_is_no_guess() {
        let access = access(Some(TOKEN), ANY);
        let head = Head { host: Some("bot.lan"), pass: Some("0123"), ..Head::default() };
        let peer = peer("192.0.2.1");
        for _ in 0..100 {
            assert_eq!(access.judge(Purpose::Reading, peer, &head), Err(Refusal::WrongToken));
        }
        assert!(access.opens(peer, TOKEN).is_ok());
    }

    #[test]
    fn beyond_this_machine_a_tiny_token_is_none() {
        let tiny = || Some(Token::new("1234567".into()).unwrap());
        assert!(Access::new(tiny(), (LOCAL, 9090).into(), "localhost").is_ok());
        let refused = Access::new(tiny(), (ANY, 9090).into(), "0.0.0.0").unwrap_err().to_string();
        assert!(refused.contains("0.0.0.0:9090") && refused.contains("openssl rand"), "{refused}");
        assert!(!refused.contains("1234567"));
    }
}
