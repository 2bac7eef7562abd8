//! Who may connect: answers the broker's auth callout (NATS ADR-26) for external adapters.
//!
//! The broker asks about every user it does not know itself; the answer is a user JWT, signed with
//! the issuer's account key, whose permissions are the whole of what the adapter may do. Invariants:
//! no answer inside the time limit is a refusal; an empty list of subjects allows nothing; passwords
//! are never logged.

use std::{future::Future, sync::Arc, time::Duration};

use async_nats::{Client, Message};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::StreamExt;
use nkeys::KeyPair;
use schemas::{Secret, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{api::ApiError, bus::Bus};

const SUBJECT: &str = "$SYS.REQ.USER.AUTH";
/// Several hubs share the questions.
const GROUP: &str = "tidings-callout";
/// The account adapters are placed in: the broker's only one.
const ACCOUNT: &str = "$G";
/// The broker gives a client two seconds in all.
const DECISION: Duration = Duration::from_millis(1500);
const QUESTIONS_AT_ONCE: usize = 32;

/// What a user may do; a subject may hold wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub publish: Vec<String>,
    pub subscribe: Vec<String>,
}

/// Why the callout cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum CalloutError {
    #[error("the issuer's seed is not that of an account key")]
    Seed,
    #[error("could not listen for the broker's questions")]
    Listen(#[source] ApiError),
}

/// Draws a new issuer: its seed, to be kept secret, and its public key, which stands as
/// `auth_callout.issuer` in the broker's configuration.
///
/// # Errors
/// [`CalloutError::Seed`] when the system gives no randomness.
pub fn new_issuer() -> Result<(Secret, String), CalloutError> {
    let pair = KeyPair::new_account();
    let seed = pair.seed().map_err(|_| CalloutError::Seed)?;
    Ok((Secret::new(seed), pair.public_key()))
}

/// The public key of an issuer's seed.
///
/// # Errors
/// [`CalloutError::Seed`].
pub fn issuer_public_key(seed: &Secret) -> Result<String, CalloutError> {
    Ok(pair(seed)?.public_key())
}

fn pair(seed: &Secret) -> Result<KeyPair, CalloutError> {
    let pair = KeyPair::from_seed(seed.expose()).map_err(|_| CalloutError::Seed)?;
    if pair.public_key().starts_with('A') {
        Ok(pair)
    } else {
        Err(CalloutError::Seed)
    }
}

/// Answers the broker's questions until `stop`. `decide` gets the user name and the password and
/// returns what that user may do, or `None` to refuse. The bus's own user must be one of the
/// broker's `auth_callout.auth_users`.
///
/// # Errors
/// [`CalloutError`].
pub async fn serve<D, F>(
    bus: Bus,
    issuer_seed: &Secret,
    decide: D,
    stop: CancellationToken,
) -> Result<(), CalloutError>
where
    D: Fn(String, Secret) -> F + Send + Sync,
    F: Future<Output = Option<Grant>> + Send,
{
    let issuer = Arc::new(pair(issuer_seed)?);
    let client = bus.pulling().client();
    let questions = client
        .queue_subscribe(SUBJECT, GROUP.to_owned())
        .await
        .map_err(|_| CalloutError::Listen(ApiError::Unavailable))?;
    questions
        .take_until(stop.cancelled_owned())
        .for_each_concurrent(QUESTIONS_AT_ONCE, |question| {
            answer(client, &issuer, &decide, question)
        })
        .await;
    Ok(())
}

async fn answer<D, F>(client: &Client, issuer: &KeyPair, decide: &D, question: Message)
where
    D: Fn(String, Secret) -> F,
    F: Future<Output = Option<Grant>>,
{
    let Some(reply) = question.reply else { return };
    let Some(asked) = Question::read(&question.payload) else {
        tracing::warn!("an auth question could not be read");
        return;
    };
    let decision = decide(asked.user.clone(), asked.password.clone());
    let grant = tokio::time::timeout(DECISION, decision)
        .await
        .ok()
        .flatten();
    let outcome = if grant.is_some() {
        "granted"
    } else {
        "refused"
    };
    metrics::counter!("tidings_adapter_logins_total", "outcome" => outcome).increment(1);
    let Some(jwt) = asked.answer(issuer, grant.as_ref()) else {
        tracing::error!("an auth answer could not be signed");
        return;
    };
    if client.publish(reply, jwt.into()).await.is_err() {
        tracing::warn!("an auth answer could not be sent");
    }
}

struct Question {
    server: String,
    user_key: String,
    user: String,
    password: Secret,
}

impl Question {
    fn read(payload: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Claims {
            iss: String,
            nats: Request,
        }
        #[derive(Deserialize)]
        struct Request {
            server_id: Server,
            user_nkey: String,
            #[serde(default)]
            connect_opts: Options,
        }
        #[derive(Deserialize)]
        struct Server {
            id: String,
        }
        #[derive(Deserialize, Default)]
        struct Options {
            #[serde(default)]
            user: String,
            #[serde(default)]
            pass: String,
        }
        let text = std::str::from_utf8(payload).ok()?;
        let (signed, signature) = text.rsplit_once('.')?;
        let (_, body) = signed.split_once('.')?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
        let server = KeyPair::from_public_key(&claims.iss).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        server.verify(signed.as_bytes(), &signature).ok()?;
        Some(Self {
            server: claims.nats.server_id.id,
            user_key: claims.nats.user_nkey,
            user: claims.nats.connect_opts.user,
            password: Secret::new(claims.nats.connect_opts.pass),
        })
    }

    /// The authorization response: with a user JWT when granted, with an error when not.
    fn answer(&self, issuer: &KeyPair, grant: Option<&Grant>) -> Option<String> {
        let mut response = json!({ "type": "authorization_response", "version": 2 });
        match grant {
            Some(grant) => {
                let user = json!({
                    "type": "user",
                    "version": 2,
                    "pub": allow(&grant.publish),
                    "sub": allow(&grant.subscribe),
                    "subs": -1,
                    "data": -1,
                    "payload": -1,
                });
                let jwt = sign(issuer, &self.user_key, ACCOUNT, &self.user, user)?;
                response["jwt"] = jwt.into();
            }
            None => response["error"] = "not allowed".into(),
        }
        sign(issuer, &self.user_key, &self.server, "", response)
    }
}

/// An empty list of allowed subjects would allow all.
fn allow(subjects: &[String]) -> Value {
    if subjects.is_empty() {
        json!({ "deny": [">"] })
    } else {
        json!({ "allow": subjects })
    }
}

fn sign(
    issuer: &KeyPair,
    subject: &str,
    audience: &str,
    name: &str,
    nats: Value,
) -> Option<String> {
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let claims = json!({
        "jti": uuid::Uuid::new_v4().simple().to_string(),
        "iat": Timestamp::now().0 / 1_000_000,
        "iss": issuer.public_key(),
        "sub": subject,
        "aud": audience,
        "name": name,
        "nats": nats,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = issuer.sign(signed.as_bytes()).ok()?;
    Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_known_by_its_seed() {
        let (seed, public) = new_issuer().unwrap();
        assert!(public.starts_with('A'));
        assert_eq!(issuer_public_key(&seed).unwrap(), public);
        let user = Secret::new(KeyPair::new_user().seed().unwrap());
        assert!(issuer_public_key(&user).is_err());
    }

    #[test]
    fn only_what_a_server_signed_is_a_question() {
        let server = KeyPair::new_server();
        let nats = json!({
            "server_id": { "id": "NX" },
            "user_nkey": "UX",
            "connect_opts": { "user": "channel", "pass": "key" },
        });
        let jwt = sign(&server, "UX", "nats-authorization-request", "", nats).unwrap();
        let question = Question::read(jwt.as_bytes()).unwrap();
        assert_eq!(question.user, "channel");
        assert_eq!(question.password.expose(), "key");
        let (head, _) = jwt.rsplit_once('.').unwrap();
        let forged = format!("{head}.{}", URL_SAFE_NO_PAD.encode([0; 64]));
        assert!(Question::read(forged.as_bytes()).is_none());
    }

    #[test]
    fn nothing_granted_is_nothing_allowed() {
        assert_eq!(allow(&[]), json!({ "deny": [">"] }));
    }
}
