//! Addresses of files that the hub signs: made for readers and platforms, and known again when one comes back.
//!
//! Invariant: nobody makes one without the hub's keys. Deliberately absent: the time; who serves a file looks whether the
//! address still holds.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemas::{MediaId, TenantId};

use crate::Keyring;

const PURPOSE: &str = "media";
/// The folder below the API's prefix in which files are served.
const FOLDER: &str = "media";

/// What an address says, and what is signed of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub tenant: TenantId,
    pub id: MediaId,
    /// Seconds since 1970.
    pub expires_s: u64,
}

impl Address {
    /// The address below the API's prefix, e.g. `media/<tenant>/<id>?expires=…&signature=…`.
    #[must_use]
    pub fn sign(&self, keyring: &Keyring) -> String {
        let Self {
            tenant,
            id,
            expires_s,
        } = self;
        let tag = URL_SAFE_NO_PAD.encode(keyring.sign(PURPOSE, self.signed().as_bytes()));
        format!("{FOLDER}/{tenant}/{id}?expires={expires_s}&signature={tag}")
    }

    /// Whether the hub made the address, at any time.
    #[must_use]
    pub fn is_genuine(&self, keyring: &Keyring, signature: &str) -> bool {
        let given = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        keyring.has_signed(PURPOSE, self.signed().as_bytes(), &given)
    }

    /// What a genuine address says, whatever stands before its folder; none of an address that is not the hub's.
    #[must_use]
    pub fn read(url: &str, keyring: &Keyring) -> Option<Self> {
        let (path, query) = url.split_once('?')?;
        let mut path = path.rsplit('/');
        let (id, tenant, folder) = (path.next()?, path.next()?, path.next()?);
        let value = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let address = Self {
            tenant: tenant.parse().ok()?,
            id: id.parse().ok()?,
            expires_s: value("expires")?.parse().ok()?,
        };
        (folder == FOLDER && address.is_genuine(keyring, value("signature")?)).then_some(address)
    }

    fn signed(&self) -> String {
        format!("{}/{}/{}", self.tenant, self.id, self.expires_s)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_what_the_hub_signed_is_known_again() {
        let keyring = Keyring::ephemeral();
        let address = Address {
            tenant: TenantId(Uuid::from_u128(1)),
            id: MediaId(Uuid::from_u128(2)),
            expires_s: 1_790_000_000,
        };
        let signed = address.sign(&keyring);
        for before in ["https://hub.example/api/v1/", "/api/v1/", "x/"] {
            let url = format!("{before}{signed}");
            assert_eq!(Address::read(&url, &keyring), Some(address), "{url}");
        }
        let other = TenantId(Uuid::from_u128(3)).to_string();
        for forged in [
            signed.replace(&address.tenant.to_string(), &other),
            signed.replace("expires=1", "expires=2"),
            signed.replace("media/", "other/"),
            signed.split_once("&signature").unwrap().0.to_owned(),
            format!("{signed}A"),
            String::new(),
        ] {
            let url = format!("/api/v1/{forged}");
            assert_eq!(Address::read(&url, &keyring), None, "{url}");
        }
        assert_eq!(
            Address::read(&format!("/{signed}"), &Keyring::ephemeral()),
            None
        );
    }
}
