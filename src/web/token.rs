//! What opens the HTTP side to those who have it: `--token`, and the pass that a browser keeps instead.

use std::fmt;
use std::net::SocketAddr;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A token shorter than this can be guessed.
pub const CHARS_ADVISED: usize = 16;
/// One that is shorter than this is guessed soon, brake or not: none opens what can be reached from elsewhere.
const CHARS_LEAST: usize = 8;

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
    #[error(
        "`--token` has less than {CHARS_LEAST} characters and is guessed soon, and {at} can be reached from \
         elsewhere: make one with `openssl rand -hex 32`, or listen on 127.0.0.1"
    )]
    Tiny { at: SocketAddr },
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
        self.0.expose_secret().len() < CHARS_ADVISED
    }

    pub fn is_tiny(&self) -> bool {
        self.0.expose_secret().len() < CHARS_LEAST
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
