//! Who may see and change what over `--listen`: decided from the head of a request alone.
//!
//! Reading is open on this machine only. Where the bot listens beyond it, everything but whether it lives and
//! whether it is ready needs the token. Whatever changes something needs the token, if there is one, and must
//! not come from a page elsewhere.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::printable;
use crate::rarely::Rarely;

/// A token shorter than this can be guessed.
pub const TOKEN_CHARS_ADVISED: usize = 16;

/// Of a path, so much is told in the log.
const PATH_CHARS_MAX: usize = 80;

/// Names for this machine beside addresses and what `--listen` says.
const LOCAL_NAME: &str = "localhost";

/// What opens the HTTP side: `--token`.
#[derive(Clone)]
pub struct Token(SecretString);

/// Why a text cannot be a token. It is never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    #[error("`--token` is empty: leave it out, or make one with `openssl rand -hex 32`")]
    Empty,
    #[error(
        "`--token` holds a space or a character that no header can carry: make one with `openssl rand -hex 32`"
    )]
    Unfit,
}

impl Token {
    pub fn new(text: SecretString) -> Result<Self, BadToken> {
        let shown = text.expose_secret();
        if shown.is_empty() {
            return Err(BadToken::Empty);
        }
        if !shown.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadToken::Unfit);
        }
        Ok(Self(text))
    }

    pub fn is_short(&self) -> bool {
        self.0.expose_secret().len() < TOKEN_CHARS_ADVISED
    }

    /// Whether `given` is it; takes as long for a near miss as for a far one.
    pub fn is(&self, given: &str) -> bool {
        // Hashes are of one length, whatever was given.
        Sha256::digest(self.0.expose_secret()).ct_eq(&Sha256::digest(given)).into()
    }

    /// What a browser keeps instead of the token: made from it, and worth nothing once it is another.
    pub fn pass(&self) -> String {
        let key = self.0.expose_secret().as_bytes();
        let mut code = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        code.update(b"doorchime page");
        code.finalize().into_bytes().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }

    pub fn is_pass(&self, given: &str) -> bool {
        self.pass().as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([secret])")
    }
}

/// The rules of the door.
#[derive(Debug)]
pub struct Access {
    token: Option<Token>,
    reach: Reach,
    /// The host in `--listen`, in lower case.
    called: String,
    clock: Clock,
    /// What the log was told of those who were turned away: whoever guesses at a token must not fill a disk.
    turned_away: Mutex<HashMap<Refusal, Rarely>>,
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
    /// May know whatever there is to read.
    Reader,
    /// Knows nothing but what anybody may.
    Stranger,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It listens beyond this machine, or a proxy stands before it, and no token was set.
    Closed,
    NoToken,
    WrongToken,
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
            Self::ForeignHost => "it asked for a name that is not this machine's",
            Self::ForeignPage => "a page elsewhere sent it",
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
    pub fn new(token: Option<Token>, listening: IpAddr, called: &str) -> Self {
        let local = listening.to_canonical().is_loopback();
        let reach = if local { Reach::Loopback } else { Reach::Beyond };
        let (clock, turned_away) = (Clock::start(), Mutex::default());
        Self { token, reach, called: called.to_ascii_lowercase(), clock, turned_away }
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
                advised = TOKEN_CHARS_ADVISED,
                "the token is short and can be guessed: `openssl rand -hex 32` makes a long one"
            );
        }
    }

    /// Says in the log that somebody was turned away, who asked for this path.
    pub fn tell_refusal(&self, refusal: Refusal, path: &str) {
        let now = self.clock.now().mono;
        let mut told = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(more) = told.entry(refusal).or_default().tell(now) {
            let path: String = printable::plain(path).chars().take(PATH_CHARS_MAX).collect();
            warn!(path, why = refusal.word(), more, "a request was turned away");
        }
    }

    pub fn judge(&self, purpose: Purpose, head: &Head<'_>) -> Result<Grant, Refusal> {
        match purpose {
            Purpose::Readiness => Ok(self.reads(head).map_or(Grant::Stranger, |()| Grant::Reader)),
            Purpose::Login if head.is_foreign(purpose) => Err(Refusal::ForeignPage),
            Purpose::Life | Purpose::Login => Ok(Grant::Stranger),
            Purpose::Reading => self.reads(head).map(|()| Grant::Reader),
            Purpose::Changing => self.changes(head).map(|()| Grant::Reader),
        }
    }

    fn reads(&self, head: &Head<'_>) -> Result<(), Refusal> {
        if head.is_foreign(Purpose::Reading) {
            return Err(Refusal::ForeignPage);
        }
        if self.shows_token(head).is_ok() { Ok(()) } else { self.is_at_home(head) }
    }

    fn changes(&self, head: &Head<'_>) -> Result<(), Refusal> {
        if head.is_foreign(Purpose::Changing) {
            return Err(Refusal::ForeignPage);
        }
        if self.token.is_some() { self.shows_token(head) } else { self.is_at_home(head) }
    }

    /// A request that knows the token may come under any name: no page elsewhere has it, and a pass is only
    /// sent to the name that set it.
    fn shows_token(&self, head: &Head<'_>) -> Result<(), Refusal> {
        let Some(token) = &self.token else { return Err(Refusal::Closed) };
        match (head.bearer, head.pass) {
            (Some(bearer), _) if token.is(bearer) => Ok(()),
            (None, Some(pass)) if token.is_pass(pass) => Ok(()),
            (None, None) => Err(Refusal::NoToken),
            _ => Err(Refusal::WrongToken),
        }
    }

    /// Whether a request without a token comes from this machine, and from nobody's page but ours.
    fn is_at_home(&self, head: &Head<'_>) -> Result<(), Refusal> {
        let at_home = self.reach == Reach::Loopback && !head.forwarded;
        match head.host {
            _ if !at_home => Err(self.shows_token(head).err().unwrap_or(Refusal::Closed)),
            Some(host) if !self.is_own_name(host) => Err(match self.token {
                Some(_) => Refusal::NoToken,
                None => Refusal::ForeignHost,
            }),
            // Browsers always say whom they ask for.
            _ => Ok(()),
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

    const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const ANY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

    fn access(token: Option<&str>, at: IpAddr) -> Access {
        Access::new(token.map(|token| Token::new(token.into()).unwrap()), at, "Bot.lan")
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
    fn a_token_is_whole_or_it_is_none() {
        let token = Token::new("s3cret".into()).unwrap();
        for wrong in ["", "s3cre", "s3cret ", "S3cret", "s3cretx"] {
            assert!(!token.is(wrong), "{wrong}");
        }
        assert!(token.is("s3cret"));
        assert!(token.is_pass(&token.pass()) && !token.is_pass("s3cret") && !token.is(&token.pass()));
        assert_ne!(token.pass(), Token::new("other".into()).unwrap().pass());
        assert_eq!(format!("{token:?}"), "Token([secret])");
        assert_eq!(Token::new("".into()).unwrap_err(), BadToken::Empty);
        for unfit in ["a b", "a\n", "ä"] {
            let told = Token::new(unfit.into()).unwrap_err();
            assert_eq!(told, BadToken::Unfit);
        }
    }

    #[test]
    fn a_stranger_is_told_what_anybody_may_know() {
        let head = Head { host: Some("10.0.0.1:9090"), ..Head::default() };
        for token in [None, Some("s3cret")] {
            let beyond = access(token, ANY);
            assert_eq!(beyond.judge(Purpose::Life, &head), Ok(Grant::Stranger));
            assert_eq!(beyond.judge(Purpose::Readiness, &head), Ok(Grant::Stranger));
            let with_token = Head { bearer: Some("s3cret"), ..head };
            let grant = if token.is_some() { Grant::Reader } else { Grant::Stranger };
            assert_eq!(beyond.judge(Purpose::Readiness, &with_token), Ok(grant));
        }
        assert_eq!(access(None, LOCAL).judge(Purpose::Readiness, &head), Ok(Grant::Reader));
    }

    #[test]
    fn what_came_through_a_proxy_is_not_from_this_machine() {
        let head = Head { host: Some("127.0.0.1:9090"), forwarded: true, ..Head::default() };
        for purpose in [Purpose::Reading, Purpose::Changing] {
            assert_eq!(access(None, LOCAL).judge(purpose, &head), Err(Refusal::Closed));
            assert_eq!(access(Some("s3cret"), LOCAL).judge(purpose, &head), Err(Refusal::NoToken));
            let with_token = Head { bearer: Some("s3cret"), ..head };
            assert_eq!(access(Some("s3cret"), LOCAL).judge(purpose, &with_token), Ok(Grant::Reader));
        }
    }
}
