//! The key that pushes are signed with, and the tokens it signs.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    rsa::{KeyPair, PublicKeyComponents},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use serde_json::{Value, json};

/// Signs this fake's pushes; nothing else trusts it.
const KEY: &str = include_str!("key.pem");
const KEY_ID: &str = "f0e1d2c3b4a5968778695a4b3c2d1e0f";
pub(super) const SERVICE_ACCOUNT: &str = "push@tidings.iam.gserviceaccount.com";

/// What the certificates' address answers: a JSON Web Key Set.
///
/// # Panics
/// Never: the key is part of the program.
#[must_use]
pub fn keys() -> Value {
    let public = PublicKeyComponents::<Vec<u8>>::from(key().public_key());
    json!({"keys": [{
        "kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID,
        "n": URL_SAFE_NO_PAD.encode(public.n), "e": URL_SAFE_NO_PAD.encode(public.e),
    }]})
}

/// A token with these claims, rightly signed.
///
/// # Panics
/// Never: the key is part of the program.
#[must_use]
pub fn token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = json!({"alg": "RS256", "kid": KEY_ID, "typ": "JWT"});
    let signed = format!("{}.{}", part(&head), part(claims));
    let key = key();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .expect("a key of 2048 bits signs");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The claims of a push to `audience`.
#[must_use]
pub fn claims(audience: &str, now_s: i64) -> Value {
    json!({
        "aud": audience, "azp": "113774264463038321964", "email": SERVICE_ACCOUNT, "email_verified": true,
        "exp": now_s + 3600, "iat": now_s, "iss": "https://accounts.google.com", "sub": "113774264463038321964",
    })
}

pub(crate) fn key() -> KeyPair {
    let base64: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(base64).expect("the key is in base64");
    KeyPair::from_pkcs8(&der).expect("the key is one")
}
