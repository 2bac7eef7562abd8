use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
use schemas::Secret;
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PUBLIC: &str = include_str!("../../tests/keys/rs256.pub.pem");
const PRIVATE: &[u8] = include_bytes!("../../tests/keys/rs256.pem");

fn settings(hs256: bool, rs256: bool) -> JwtSettings {
    JwtSettings {
        hs256_secret: hs256.then(|| Secret::new(SECRET)),
        rs256_public_key_pem: rs256.then(|| Secret::new(PUBLIC)),
        ..JwtSettings::default()
    }
}

fn claims() -> Value {
    json!({
        "sub": "jane", "tenant": "00000000-0000-0000-0000-000000000007", "role": "agent",
        "exp": get_current_timestamp() + 600,
    })
}

fn hs256(claims: &Value, secret: &[u8]) -> String {
    let key = EncodingKey::from_secret(secret);
    encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

fn rs256(claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(PRIVATE).unwrap();
    encode(&Header::new(Algorithm::RS256), claims, &key).unwrap()
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

#[test]
fn good_tokens_of_both_algorithms_are_taken() {
    let jwt = Jwt::new(&settings(true, true)).unwrap();
    for token in [hs256(&claims(), SECRET.as_bytes()), rs256(&claims())] {
        let caller = jwt.verify(&token).unwrap();
        assert_eq!(caller.tenant.0.as_u128(), 7);
        assert_eq!(caller.role, Role::Agent);
        assert_eq!(caller.actor.as_ref(), "jwt:jane");
        assert_eq!(caller.channel, None);
    }
}

#[test]
fn the_public_key_is_no_secret() {
    // A token signed with the public key as if it were an HS256 secret.
    let confused = hs256(&claims(), PUBLIC.as_bytes());
    let only_rs256 = Jwt::new(&settings(false, true)).unwrap();
    assert_eq!(only_rs256.verify(&confused), Err(Refused::Form));
    let both = Jwt::new(&settings(true, true)).unwrap();
    assert_eq!(both.verify(&confused), Err(Refused::Signature));
    let only_hs256 = Jwt::new(&settings(true, false)).unwrap();
    assert_eq!(only_hs256.verify(&rs256(&claims())), Err(Refused::Form));
}

#[test]
fn no_signature_is_none() {
    let jwt = Jwt::new(&settings(true, true)).unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for algorithm in ["none", "None", "HS512", "PS256", "ES256"] {
        let token = format!("{}.{}.", part(&json!({"alg": algorithm})), part(&claims()));
        assert_eq!(jwt.verify(&token), Err(Refused::Form), "{algorithm}");
    }
    let good = hs256(&claims(), SECRET.as_bytes());
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    assert!(jwt.verify(&format!("{unsigned}.")).is_err());
    assert!(jwt.verify("a.b.c").is_err());
    assert!(jwt.verify("").is_err());
}

#[test]
fn time_is_kept() {
    let jwt = Jwt::new(&settings(true, false)).unwrap();
    let verify = |claims: &Value| jwt.verify(&hs256(claims, SECRET.as_bytes()));
    let now = get_current_timestamp();
    assert_eq!(verify(&with("exp", json!(now - 3600))), Err(Refused::Time));
    assert_eq!(verify(&with("nbf", json!(now + 3600))), Err(Refused::Time));
    assert!(verify(&with("nbf", json!(now - 3600))).is_ok());
    let mut endless = claims();
    endless.as_object_mut().unwrap().remove("exp");
    assert_eq!(verify(&endless), Err(Refused::Claims));
}

#[test]
fn claims_are_needed_and_checked() {
    let jwt = Jwt::new(&settings(true, false)).unwrap();
    let verify = |claims: &Value| jwt.verify(&hs256(claims, SECRET.as_bytes()));
    for name in ["sub", "tenant", "role"] {
        let mut lacking = claims();
        lacking.as_object_mut().unwrap().remove(name);
        assert_eq!(verify(&lacking), Err(Refused::Claims), "{name}");
    }
    assert_eq!(
        verify(&with("tenant", json!("every"))),
        Err(Refused::Claims)
    );
    assert_eq!(verify(&with("role", json!("root"))), Err(Refused::Claims));
    assert_eq!(
        verify(&with("role", json!("adapter"))),
        Err(Refused::Claims)
    );
    assert_eq!(verify(&with("sub", json!(""))), Err(Refused::Claims));
    assert_eq!(
        jwt.verify(&hs256(&claims(), b"another secret of thirty-two byt")),
        Err(Refused::Signature)
    );
}

#[test]
fn issuer_and_audience_count_when_they_are_set() {
    let jwt = Jwt::new(&JwtSettings {
        issuer: Some("https://login.example.com/".into()),
        audience: Some("tidings".into()),
        ..settings(true, false)
    })
    .unwrap();
    let verify = |claims: &Value| jwt.verify(&hs256(claims, SECRET.as_bytes()));
    assert_eq!(verify(&claims()), Err(Refused::Claims));
    let mut good = claims();
    good["iss"] = json!("https://login.example.com/");
    good["aud"] = json!(["tidings", "another"]);
    assert!(verify(&good).is_ok());
    good["aud"] = json!("another");
    assert_eq!(verify(&good), Err(Refused::Origin));
    good["aud"] = json!("tidings");
    good["iss"] = json!("https://evil.example.com/");
    assert_eq!(verify(&good), Err(Refused::Origin));
}

#[test]
fn bad_keys_are_refused_at_the_start() {
    let short = JwtSettings {
        hs256_secret: Some(Secret::new("short")),
        ..JwtSettings::default()
    };
    assert!(matches!(Jwt::new(&short), Err(JwtKeyError::ShortSecret)));
    let no_pem = JwtSettings {
        rs256_public_key_pem: Some(Secret::new("no key")),
        ..JwtSettings::default()
    };
    assert!(matches!(
        Jwt::new(&no_pem),
        Err(JwtKeyError::NotAPublicKey(_))
    ));
    let none = Jwt::new(&JwtSettings::default()).unwrap();
    assert_eq!(none.verify("a.b.c"), Err(Refused::NoneTaken));
}
