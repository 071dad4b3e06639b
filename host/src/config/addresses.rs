//! The addresses that requests may come from, as documents list them.

use super::{
    document::Section,
    keys::{Key, Shape},
};
use ipnet::{IpNet, Ipv6Net};
use std::net::{IpAddr, Ipv6Addr};

pub(super) const ALLOW: Key = Key::new(
    "allow",
    Shape::Names { default: &[], at_least: 1 },
    "The addresses and networks that requests may come from, such as \"10.0.0.0/8\"; by default all.",
);

/// IPv4 addresses in IPv6's form.
const MAPPED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);

/// Networks; none at all stands for every address there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses(Vec<IpNet>);

impl Addresses {
    /// Whether requests from this address are answered. IPv4 in IPv6's form counts as IPv4.
    #[must_use]
    pub fn allow(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.is_empty() || self.0.iter().any(|network| network.contains(&peer))
    }

    pub(super) fn of(root: &Section<'_>) -> Addresses {
        let mut networks = Vec::new();
        for written in root.texts(ALLOW.name).iter().filter(|written| !written.is_empty()) {
            match network(written) {
                Ok(network) => networks.push(network),
                Err(message) => root.problem(ALLOW.name, format!("{written:?} {message}")),
            }
        }
        Addresses(networks)
    }
}

fn network(text: &str) -> Result<IpNet, &'static str> {
    let network = text.parse().or_else(|_| text.parse().map(|address: IpAddr| address.into()));
    match network {
        Ok(IpNet::V6(network)) if MAPPED.contains(&network) => {
            Err("is IPv4 in IPv6's form; write it as IPv4, such as \"10.0.0.0/8\"")
        }
        Ok(network) => Ok(network),
        Err(_) => Err("is no address such as \"127.0.0.1\", nor a network such as \"10.0.0.0/8\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HostConfig;
    use std::path::Path;

    fn read(list: &str) -> Result<Addresses, String> {
        let config = HostConfig::parse(Path::new("."), &format!("allow = [{list}]"));
        config.map(|config| config.allow).map_err(|problems| problems[0].to_string())
    }

    #[test]
    fn networks_and_addresses_are_matched() {
        let some = read("\"10.0.0.0/8\", \"2001:db8::/32\", \"127.0.0.1\", \"::1\"").unwrap();
        for (address, is_allowed) in [
            ("10.1.2.3", true),
            ("11.1.2.3", false),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("::ffff:10.1.2.3", true),
            ("::ffff:11.1.2.3", false),
            ("2001:db8:1::5", true),
            ("2001:db9::5", false),
            ("::1", true),
            ("::", false),
        ] {
            assert_eq!(some.allow(address.parse().unwrap()), is_allowed, "{address}");
        }
        assert!(Addresses::default().allow("11.1.2.3".parse().unwrap()));
        assert!(read("\"0.0.0.0/0\"").unwrap().allow("11.1.2.3".parse().unwrap()));
        assert!(!read("\"0.0.0.0/0\"").unwrap().allow("::1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for (list, said) in [
            ("", "must name at least 1"),
            ("\"localhost\"", "is no address"),
            ("\"10.0.0.0/33\"", "is no address"),
            ("\"10.0.0/8\"", "is no address"),
            ("\"::ffff:10.0.0.0/104\"", "write it as IPv4"),
        ] {
            assert!(read(list).unwrap_err().contains(said), "{list}");
        }
    }
}
