//! Addresses: checked, joined, and everything that is put into one percent-encoded.

use std::fmt::Write;

/// Whether a text is an `http(s)` address that a request can go to. The reason never repeats the text.
pub fn check(url: &str) -> Result<(), &'static str> {
    let lowered = url.get(..8).unwrap_or(url).to_ascii_lowercase();
    let rest = if lowered.starts_with("https://") {
        &url[8..]
    } else if lowered.starts_with("http://") {
        &url[7..]
    } else {
        return Err("it does not begin with `http://` or `https://`");
    };
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("it has a space or a control character in it");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_port = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match host_port.rsplit_once(':') {
        // The colons inside `[::1]` are no port's.
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (host_port, ""),
    };
    if host.is_empty() {
        return Err("it names no host");
    }
    if !port.is_empty() && port.parse::<u16>().is_err() {
        return Err("its port is not a number up to 65535");
    }
    Ok(())
}

/// An address's host in small letters, without the port, and what follows the authority: path, query and all.
pub fn host_and_path(url: &str) -> (String, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host_port = authority.rsplit('@').next().unwrap_or_default();
    let host = match host_port.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => host_port,
    };
    (host.to_ascii_lowercase(), path)
}

/// Percent-encodes everything but letters, digits and `-._~`.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for c in text.chars() {
        encode_char(c, &mut encoded);
    }
    encoded
}

/// The bytes that a percent-encoded text stands for; what is not encoded stays as it is.
pub fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let (meant, left) = match after {
            [high, low, left @ ..] if *byte == b'%' => (digit(*high).zip(digit(*low)), left),
            _ => (None, after),
        };
        bytes.push(meant.map_or(*byte, |(high, low)| high << 4 | low));
        rest = if meant.is_some() { left } else { after };
    }
    bytes
}

fn digit(hex: u8) -> Option<u8> {
    char::from(hex).to_digit(16).map(|digit| digit as u8)
}

pub fn encode_char(c: char, into: &mut String) {
    if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~') {
        into.push(c);
        return;
    }
    let mut bytes = [0; 4];
    for byte in c.encode_utf8(&mut bytes).bytes() {
        let _ = write!(into, "%{byte:02X}");
    }
}

/// Adds pairs to an address's query, encoded; what is already there stays.
pub fn with_query<'p>(url: &str, pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> String {
    let (address, fragment) =
        url.split_once('#').map_or((url, None), |(address, rest)| (address, Some(rest)));
    let mut full = address.to_owned();
    for (name, value) in pairs {
        full.push(match full.find('?') {
            None => '?',
            Some(at) if at + 1 == full.len() || full.ends_with('&') => {
                let _ = write!(full, "{}={}", encode(name), encode(value));
                continue;
            }
            Some(_) => '&',
        });
        let _ = write!(full, "{}={}", encode(name), encode(value));
    }
    if let Some(fragment) = fragment {
        let _ = write!(full, "#{fragment}");
    }
    full
}

/// Whether the query already names a key.
pub fn has_query(url: &str, key: &str) -> bool {
    let address = url.split('#').next().unwrap_or_default();
    let query = address.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|pair| pair.split('=').next() == Some(key))
}

/// Appends to an address's path, before its query. `path` is encoded already.
pub fn with_path(url: &str, path: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (address, rest) = url.split_at(end);
    format!("{}/{}{rest}", address.trim_end_matches('/'), path.trim_start_matches('/'))
}

/// A path as its author and strangers wrote it together, made fit for an address: a value cannot climb out
/// of its place, since its slashes are encoded before they come here, and `.` and `..` are emptied.
pub fn tidy_path(path: &str) -> String {
    let mut tidy = String::with_capacity(path.len());
    for (at, segment) in path.split('/').enumerate() {
        if at > 0 {
            tidy.push('/');
        }
        let dots = segment.replace("%2E", ".").replace("%2e", ".");
        if dots == "." || dots == ".." {
            continue;
        }
        for c in segment.chars() {
            // An author's own escapes stay, what cannot stand in a path is encoded.
            if c == '%'
                || (c.is_ascii_graphic()
                    && !matches!(c, '?' | '#' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}'))
            {
                tidy.push(c);
            } else {
                encode_char(c, &mut tidy);
            }
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for good in [
            "http://a",
            "https://a.b/c?d=e",
            "http://[::1]:8123/x",
            "HTTPS://user:pass@host:1/",
            "http://localhost:80",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a.b/c",
            "ftp://a",
            "http://",
            "http:///x",
            "http://a b",
            "http://a:port",
            "https://a\n",
            "http://:80",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_has_a_host_and_a_path() {
        for (url, host, path) in [
            ("http://A.b:80/c?d#e", "a.b", "/c?d#e"),
            ("https://u:p@a.b", "a.b", ""),
            ("http://[::1]:81?x", "[::1]", "?x"),
        ] {
            assert_eq!(host_and_path(url), (host.to_owned(), path), "{url}");
        }
    }

    #[test]
    fn what_is_encoded_is_read_back_and_the_rest_stays() {
        let text = "a b/ü%&😀";
        assert_eq!(decoded(&encode(text)), text.as_bytes());
        for (text, plain) in
            [("%41%4a%4A", "AJJ"), ("%", "%"), ("%4", "%4"), ("%+1", "%+1"), ("%%41", "%A"), ("+ü", "+ü")]
        {
            assert_eq!(decoded(text), plain.as_bytes(), "{text}");
        }
    }

    #[test]
    fn a_query_grows_and_keeps_what_it_had() {
        for (url, expected) in [
            ("http://a/b", "http://a/b?k=v%26w"),
            ("http://a/b?x=1", "http://a/b?x=1&k=v%26w"),
            ("http://a/b?", "http://a/b?k=v%26w"),
            ("http://a/b#f", "http://a/b?k=v%26w#f"),
        ] {
            assert_eq!(with_query(url, [("k", "v&w")]), expected);
        }
        assert!(has_query("http://a?b=1&wait=true", "wait"));
        assert!(!has_query("http://a?b=wait", "wait"));
    }

    #[test]
    fn paths_stay_below_their_address() {
        assert_eq!(with_path("http://a/b/?q=1", "/c"), "http://a/b/c?q=1");
        for (path, expected) in [
            ("a/b c", "a/b%20c"),
            ("../../admin", "//admin"),
            ("%2E%2e/x", "/x"),
            ("x?y#z", "x%3Fy%23z"),
            ("é", "%C3%A9"),
        ] {
            assert_eq!(tidy_path(path), expected, "{path}");
        }
    }
}
