//! SSRF guard: which addresses a tenant's URL may reach.
//!
//! Invariant: the check is made on the addresses that are then connected to, because names are
//! resolved here and nowhere else; a URL that spells an address is checked before the call. Redirects
//! are followed by [`crate::get()`] only, which checks each.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

/// Whether an address is one that anybody on the Internet may reach (IANA special-purpose
/// registries, RFC 6890 and its successors).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = address.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let [a, b, c, d, e, f, g, h] = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([w, x], [y, z]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(w, x, y, z))
    };
    match (a, b) {
        // NAT64 and 6to4 carry an IPv4 address.
        (0x64, 0xff9b) if [c, d, e, f] == [0; 4] => embedded(g, h),
        (0x2002, _) => embedded(b, c),
        // Teredo, ORCHID and documentation.
        (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff) => false,
        // Only global unicast is in use: 2000::/3.
        _ => (a & 0xe000) == 0x2000,
    }
}

/// Why a URL is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    #[error("must be an http or https URL with a host and without a user")]
    Form,
    #[error("must not point to a private or local address")]
    Private,
}

/// Checks what can be seen in the URL itself; names are checked when they are resolved.
pub fn check(url: &Url, allow_private: bool) -> Result<(), Forbidden> {
    let plain = url.username().is_empty() && url.password().is_none();
    let host = url.host_str().ok_or(Forbidden::Form)?;
    if !matches!(url.scheme(), "http" | "https") || !plain {
        return Err(Forbidden::Form);
    }
    let spelled: Option<IpAddr> = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok();
    match spelled {
        Some(address) if !allow_private && !is_public(address) => Err(Forbidden::Private),
        _ => Ok(()),
    }
}

/// Resolves names to public addresses only.
pub struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .filter(|address| is_public(address.ip()))
                .collect();
            if found.is_empty() {
                return Err(Forbidden::Private.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "203.0.113.5",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "::127.0.0.1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "100.128.0.1",
            "172.32.0.1",
            "2606:4700:4700::1111",
            "64:ff9b::101:101",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn urls_are_checked_before_the_call() {
        let check = |text: &str, allow| check(&Url::parse(text).unwrap(), allow);
        assert_eq!(
            check("http://127.0.0.1:9/x", false),
            Err(Forbidden::Private)
        );
        // Other spellings of the same address.
        assert_eq!(check("http://2130706433/", false), Err(Forbidden::Private));
        assert_eq!(check("http://0x7f.1/", false), Err(Forbidden::Private));
        assert_eq!(check("http://[::1]/", false), Err(Forbidden::Private));
        assert_eq!(check("http://127.0.0.1:9/x", true), Ok(()));
        assert_eq!(
            check("http://user:pw@example.org/", true),
            Err(Forbidden::Form)
        );
        assert_eq!(check("ftp://example.org/", true), Err(Forbidden::Form));
        assert_eq!(check("https://example.org/hook", false), Ok(()));
    }

    #[tokio::test]
    async fn a_name_of_a_private_address_does_not_resolve() {
        let refused = PublicOnly.resolve("localhost".parse().unwrap()).await;
        assert!(refused.is_err());
    }
}
