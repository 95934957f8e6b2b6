//! Who is at the other end of a connection: an address, and what of addresses one machine may have.
//!
//! Behind a proxy many have one address. For whom it asks it may say, and so may anybody else: that can tell those
//! apart who have one address, and nothing more.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Of an IPv6 address, the part that a household or a server is given; the rest it chooses itself.
const NETWORK_BITS: u32 = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer(IpAddr);

impl Peer {
    pub fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }

    /// Whether it is on this machine; it may be a proxy there, which stands for many.
    pub fn is_here(self) -> bool {
        self.0.is_loopback()
    }

    /// The first address of the network that it is in, which is its own address but for IPv6; this machine is one.
    pub fn network(self) -> Self {
        match self.0 {
            _ if self.is_here() => Self(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(address) => {
                let network = address.to_bits() & (u128::MAX << (Ipv6Addr::BITS - NETWORK_BITS));
                Self(Ipv6Addr::from_bits(network).into())
            }
            IpAddr::V4(_) => self,
        }
    }
}

/// Who asks something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    pub peer: Peer,
    /// For whom it says that it asks.
    pub client: Option<Peer>,
}

impl Caller {
    /// `forwarded_for` is what the nearest proxy has written last: whom it has heard itself.
    pub fn new(peer: Peer, forwarded_for: Option<&str>) -> Self {
        let last = forwarded_for.and_then(|list| list.rsplit(',').next());
        Self { peer, client: last.and_then(|client| client.trim().parse().ok()).map(Peer::new) }
    }

    /// From which networks.
    pub fn networks(self) -> Self {
        Self { peer: self.peer.network(), client: self.client.map(Peer::network) }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_believed_to_know_whom_it_heard_last() {
        let proxy = Peer::new("172.17.0.1".parse().unwrap());
        for (said, client) in [
            (None, None),
            (Some(""), None),
            (Some("unknown"), None),
            (Some("203.0.113.7"), Some("203.0.113.7")),
            (Some("127.0.0.1, 203.0.113.7"), Some("203.0.113.7")),
            (Some("203.0.113.7,  ::ffff:192.0.2.1 "), Some("192.0.2.1")),
            (Some("203.0.113.7, x"), None),
        ] {
            let caller = Caller::new(proxy, said);
            assert_eq!(caller.client.map(|client| client.to_string()).as_deref(), client, "{said:?}");
        }
    }

    #[test]
    fn whoever_chooses_among_addresses_stays_in_one_network() {
        for (address, here, network) in [
            ("127.0.0.1", true, "127.0.0.1"),
            ("::1", true, "127.0.0.1"),
            ("127.9.9.9", true, "127.0.0.1"),
            ("::ffff:127.0.0.1", true, "127.0.0.1"),
            ("::ffff:192.0.2.7", false, "192.0.2.7"),
            ("192.0.2.7", false, "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", false, "2001:db8:1:2::"),
        ] {
            let peer = Peer::new(address.parse().unwrap());
            assert_eq!((peer.is_here(), peer.network().to_string()), (here, network.to_owned()), "{address}");
        }
    }
}
