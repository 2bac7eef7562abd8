//! Amazon SNS over HTTPS (<https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html>): how Amazon SES
//! tells of mail.
//!
//! A request is a notice in JSON, signed with RSA over some of its fields
//! (<https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html>); the certificate is
//! where the request says. Which addresses may be asked follows from the topic in the channel's settings and not from the
//! request: its region's host by `https`, and there nothing but a certificate's file name or the confirmation of this topic.
//! SNS itself answers queries at that host, and whoever chose one could have words of theirs read as a certificate.
//!
//! Invariants: nothing is fetched for another topic than the channel's, nor for what cannot be a signature; answers are bounded and no redirect is followed; a
//! subscription is confirmed after its request was verified. Version 1 (SHA-1) is what topics have by default, so it is taken.
//!
//! Deliberately absent: the certificate's chain, whose middle SNS does not give (that it came by TLS from that host is what it
//! is trusted for); a limit of age, for SNS tries for hours, and what is told twice is one event; when and how often
//! certificates are fetched, which is the gateway's.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use egress::guard;
pub use reqwest::Client;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters,
    UnparsedPublicKey,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::channel::{Account, Refused};

/// The header that every request of SNS has.
pub const HEADER: &str = "x-amz-sns-message-type";
/// The setting that names a channel's topic.
const TOPIC: &str = "sns_topic_arn";
/// SNS takes messages of 256 KiB; JSON within JSON is longer.
const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;
/// A certificate has about 2 KB.
const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;
/// Of an RSA key of 2048 to 8192 bits.
const SIGNATURE_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
/// Characters of what tells certificates apart.
const MAX_NAME: usize = 64;
/// The algorithm of an RSA key, with its null (RFC 3279, 2.3.1).
const RSA: [u8; 15] = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

/// A request of SNS.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Notice {
    #[serde(rename = "Type")]
    kind: Kind,
    message_id: String,
    topic_arn: String,
    /// What was published, as text.
    pub(crate) message: String,
    subject: Option<String>,
    timestamp: String,
    signature_version: String,
    signature: String,
    #[serde(rename = "SigningCertURL")]
    signing_cert_url: String,
    #[serde(rename = "SubscribeURL")]
    subscribe_url: Option<String>,
    token: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Kind {
    Notification,
    SubscriptionConfirmation,
    /// The subscription was ended; nothing is to be done.
    UnsubscribeConfirmation,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Notification => "Notification",
            Self::SubscriptionConfirmation => "SubscriptionConfirmation",
            Self::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

impl Notice {
    /// The request in a body; none where the body is something else.
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        if body.len() > MAX_BODY_BYTES {
            return None;
        }
        serde_json::from_slice(body).ok()
    }

    pub(crate) fn is_notification(&self) -> bool {
        self.kind == Kind::Notification
    }

    /// Whether SNS signed it for the channel's topic.
    pub(crate) fn verify(&self, account: &Account<'_>) -> Result<(), Refused> {
        let topic = topic(account).ok_or(Refused::NoSecret)?;
        if self.topic_arn != topic {
            return Err(Refused::Mismatch);
        }
        let (algorithm, given) = self.signature()?;
        let at = self
            .certificate(topic)
            .ok_or(Refused::Form("SigningCertURL"))?;
        let key = account
            .public_keys
            .get(at.as_str())
            .and_then(Value::as_str)
            .and_then(|key| STANDARD.decode(key).ok())
            .ok_or(Refused::Mismatch)?;
        UnparsedPublicKey::new(algorithm, key)
            .verify(self.signed().as_bytes(), &given)
            .map_err(|_| Refused::Mismatch)
    }

    /// How it is signed, and by what; what cannot be a signature is known without a key.
    fn signature(&self) -> Result<(&'static RsaParameters, Vec<u8>), Refused> {
        let algorithm = match self.signature_version.as_str() {
            "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            "2" => &RSA_PKCS1_2048_8192_SHA256,
            _ => return Err(Refused::Form("SignatureVersion")),
        };
        let given = STANDARD.decode(&self.signature).ok();
        let given = given.filter(|given| SIGNATURE_BYTES.contains(&given.len()));
        Ok((algorithm, given.ok_or(Refused::Form("Signature"))?))
    }

    /// What the signature is over: names and values, a line each, in the order of the names.
    fn signed(&self) -> String {
        let is_notification = self.is_notification();
        let of = |value: &'_ Option<String>, is_signed: bool| value.clone().filter(|_| is_signed);
        let subject = of(&self.subject, is_notification);
        let subscribe_url = of(&self.subscribe_url, !is_notification);
        let token = of(&self.token, !is_notification);
        [
            ("Message", Some(self.message.as_str())),
            ("MessageId", Some(self.message_id.as_str())),
            ("Subject", subject.as_deref()),
            ("SubscribeURL", subscribe_url.as_deref()),
            ("Timestamp", Some(self.timestamp.as_str())),
            ("Token", token.as_deref()),
            ("TopicArn", Some(self.topic_arn.as_str())),
            ("Type", Some(self.kind.name())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}\n{}\n", value?)))
        .collect()
    }

    /// Where the certificate is, when that is a place where SNS has them.
    fn certificate(&self, topic: &str) -> Option<Url> {
        let url = at_home(&self.signing_cert_url, topic)?;
        let name = url
            .path()
            .strip_prefix("/SimpleNotificationService-")?
            .strip_suffix(".pem")?;
        let is_name = (1..=MAX_NAME).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_name && url.query().is_none()).then_some(url)
    }

    /// Where the subscription is confirmed, when that confirms nothing else.
    fn confirmation(&self, topic: &str) -> Option<Url> {
        let url = at_home(self.subscribe_url.as_deref()?, topic)?;
        let says = |name: &str, value: &str| {
            let mut given = url.query_pairs().filter(|(known, _)| known == name);
            given.next().is_some_and(|(_, given)| given == value) && given.next().is_none()
        };
        let fits = self.kind == Kind::SubscriptionConfirmation
            && url.path() == "/"
            && says("Action", "ConfirmSubscription")
            && says("TopicArn", topic);
        fits.then_some(url)
    }
}

/// The channel's topic.
fn topic<'a>(account: &Account<'a>) -> Option<&'a str> {
    account
        .settings
        .get(TOPIC)
        .and_then(Value::as_str)
        .filter(|topic| !topic.is_empty())
}

/// The host of SNS that a topic lives at: `arn:aws:sns:REGION:ACCOUNT:NAME`.
fn home(topic: &str) -> Option<String> {
    let mut parts = topic.split(':');
    let mut next = || parts.next();
    let (arn, partition, service, region) = (next()?, next()?, next()?, next()?);
    let is_region = (1..=MAX_NAME).contains(&region.len())
        && region
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let end = match partition {
        "aws" | "aws-us-gov" => "amazonaws.com",
        "aws-cn" => "amazonaws.com.cn",
        _ => return None,
    };
    (arn == "arn" && service == "sns" && is_region).then(|| format!("sns.{region}.{end}"))
}

/// An address at the topic's own host, by `https`, at its usual port, and without a user.
fn at_home(address: &str, topic: &str) -> Option<Url> {
    let url = Url::parse(address).ok()?;
    let fits = url.scheme() == "https"
        && url.host_str() == Some(home(topic)?.as_str())
        && url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    fits.then_some(url)
}

/// Where the certificate is that a request to the account must be checked with; none where nothing is to be fetched for it.
#[must_use]
pub fn certificate(account: &Account<'_>, body: &[u8]) -> Option<Url> {
    let topic = topic(account)?;
    let notice = Notice::of(body).filter(|notice| notice.topic_arn == topic)?;
    notice.signature().ok()?;
    notice.certificate(topic)
}

/// Where a verified request wants its subscription confirmed; none where it wants nothing of the kind.
#[must_use]
pub fn confirmation(account: &Account<'_>, body: &[u8]) -> Option<Url> {
    let topic = topic(account)?;
    Notice::of(body)?.confirmation(topic)
}

/// A client for [`key`] and [`confirm`]; `allow_private` where the address is the operator's.
///
/// # Errors
/// When no TLS can be had here.
pub fn client(allow_private: bool) -> Result<Client, reqwest::Error> {
    egress::client(allow_private)
}

/// Why SNS was asked in vain.
#[derive(Debug, thiserror::Error)]
pub enum Unheard {
    #[error("the address is not allowed: {0}")]
    Forbidden(#[from] guard::Forbidden),
    #[error("no answer")]
    Unanswered(#[source] reqwest::Error),
    #[error("HTTP {0}")]
    Status(u16),
    #[error("the answer is no certificate with an RSA key")]
    Form,
}

/// The key of the certificate at an address: `RSAPublicKey` (RFC 8017) in base64. `client` must be [`client`]'s.
///
/// # Errors
/// [`Unheard`]; another try may fare better.
pub async fn key(client: &Client, url: Url, allow_private: bool) -> Result<String, Unheard> {
    let answer = ask(client, url, allow_private).await?;
    let pem = egress::body_within(answer, MAX_CERTIFICATE_BYTES)
        .await
        .ok_or(Unheard::Form)?;
    rsa_key(&pem)
        .map(|key| STANDARD.encode(key))
        .ok_or(Unheard::Form)
}

/// Confirms a subscription. `client` must be [`client`]'s.
///
/// # Errors
/// [`Unheard`]; another try may fare better.
pub async fn confirm(client: &Client, url: Url, allow_private: bool) -> Result<(), Unheard> {
    ask(client, url, allow_private).await.map(|_| ())
}

async fn ask(client: &Client, url: Url, allow_private: bool) -> Result<reqwest::Response, Unheard> {
    guard::check(&url, allow_private)?;
    let answer = client
        .get(url)
        .send()
        .await
        .map_err(|error| Unheard::Unanswered(error.without_url()))?;
    // A redirect is no success: it would lead to where nobody looked whether it may.
    if !answer.status().is_success() {
        return Err(Unheard::Status(answer.status().as_u16()));
    }
    Ok(answer)
}

/// The RSA key of the first certificate.
fn rsa_key(pem: &[u8]) -> Option<Vec<u8>> {
    let certificate = CertificateDer::from_pem_slice(pem).ok()?;
    let certificate = webpki::EndEntityCert::try_from(&certificate).ok()?;
    let key = certificate.subject_public_key_info();
    let bits = element(&key, 0x30)?.strip_prefix(&RSA)?;
    // A bit string begins with how many bits of its last byte are not used.
    Some(element(bits, 0x03)?.strip_prefix(&[0])?.to_vec())
}

/// What is in the DER element of this tag that is all there is.
fn element(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (first, rest) = bytes.strip_prefix(&[tag])?.split_first()?;
    let (length, content) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (digits, content) = rest.split_at_checked(usize::from(first & 0x7f))?;
        let length = digits.iter().try_fold(0_usize, |sum, digit| {
            sum.checked_mul(256)?.checked_add(usize::from(*digit))
        })?;
        (length, content)
    };
    (content.len() == length).then_some(content)
}

#[cfg(test)]
mod tests;
