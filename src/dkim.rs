//! `tidings dkim`: a key that mail is signed with, and what the DNS has to say for mail to arrive.
//!
//! Asks no name server and changes no channel: what it prints is for whoever keeps the domain's DNS, and for the channel's
//! credentials. The private key goes to a file that only its owner reads, and never to the terminal.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::PathBuf};

use anyhow::{Context, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::{Args, ValueEnum};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use rsa::{
    RsaPrivateKey,
    pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding},
    rand_core::OsRng,
};

use crate::cli::print;

/// Characters of one string of a TXT record (RFC 1035, 3.3).
const STRING_CHARS: usize = 255;
const RSA_BITS: usize = 2048;

/// Make a key that mail is signed with, and print the DNS records that go with it.
#[derive(Debug, Args)]
pub(crate) struct DkimOptions {
    /// The domain mail is from.
    #[arg(long)]
    domain: String,
    /// The key's name below the domain; a new key gets a new one.
    #[arg(long, default_value = "tidings")]
    selector: String,
    /// RSA is understood everywhere, Ed25519 not yet.
    #[arg(long, value_enum, default_value_t = Algorithm::Rsa)]
    algorithm: Algorithm,
    /// Where the private key is written; the file must not be there.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The host from which mail leaves, for SPF.
    #[arg(long, value_name = "HOST")]
    relay: Option<String>,
    /// The address that bounces come to, as in the channel's setting `return_path`.
    #[arg(long, value_name = "ADDRESS")]
    return_path: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Algorithm {
    Rsa,
    Ed25519,
}

/// A key pair as text.
struct Pair {
    /// PKCS #8 as PEM.
    private: String,
    /// What stands in the record after `p=`.
    public: String,
}

pub(crate) fn run(options: &DkimOptions) -> anyhow::Result<()> {
    for (name, value) in [
        ("--domain", &options.domain),
        ("--selector", &options.selector),
    ] {
        ensure!(
            is_name(value),
            "{name} must be letters, digits, `-` and dots"
        );
    }
    let pair = pair(options.algorithm)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&options.out)
        .with_context(|| format!("writing {}", options.out.display()))?;
    file.write_all(pair.private.as_bytes())?;
    print(&page(options, &pair.public))
}

fn pair(algorithm: Algorithm) -> anyhow::Result<Pair> {
    match algorithm {
        Algorithm::Rsa => {
            let private = RsaPrivateKey::new(&mut OsRng, RSA_BITS)?;
            let public = private.to_public_key().to_public_key_der()?;
            Ok(Pair {
                private: private.to_pkcs8_pem(LineEnding::LF)?.to_string(),
                public: STANDARD.encode(public.as_bytes()),
            })
        }
        Algorithm::Ed25519 => {
            let failed = |_| anyhow::anyhow!("no Ed25519 key could be made");
            let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(failed)?;
            let key = Ed25519KeyPair::from_pkcs8(der.as_ref())
                .map_err(|_| anyhow::anyhow!("the Ed25519 key just made is none"))?;
            let base64 = STANDARD.encode(der.as_ref());
            Ok(Pair {
                private: format!(
                    "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
                    lines(&base64, 64).join("\n")
                ),
                public: STANDARD.encode(key.public_key().as_ref()),
            })
        }
    }
}

/// What to put where.
fn page(options: &DkimOptions, public: &str) -> String {
    let (domain, selector) = (&options.domain, &options.selector);
    let kind = match options.algorithm {
        Algorithm::Rsa => "rsa",
        Algorithm::Ed25519 => "ed25519",
    };
    let key = lines(&format!("v=DKIM1; k={kind}; p={public}"), STRING_CHARS)
        .iter()
        .map(|string| format!("\"{string}\""))
        .collect::<Vec<_>>()
        .join(" ");
    let path_domain = options
        .return_path
        .as_deref()
        .and_then(|path| path.rsplit_once('@'))
        .map_or(domain.as_str(), |(_, domain)| domain);
    let relay = options.relay.as_deref().map_or_else(
        || "include:THE-RELAY-OF-YOUR-PROVIDER".to_owned(),
        |host| format!("a:{host}"),
    );
    let path = options
        .return_path
        .as_deref()
        .map_or_else(|| format!("bounces@{domain}"), str::to_owned);
    let out = options.out.display();
    format!(
        "; Mail is signed: DKIM (RFC 6376)\n\
         {selector}._domainkey.{domain}. 3600 IN TXT {key}\n\
         \n\
         ; It leaves from here: SPF (RFC 7208), of the domain that bounces come to\n\
         {path_domain}. 3600 IN TXT \"v=spf1 {relay} ~all\"\n\
         \n\
         ; What others are to do with mail that is neither: DMARC (RFC 7489); `none` only reports, `quarantine` and `reject` act\n\
         _dmarc.{domain}. 3600 IN TXT \"v=DMARC1; p=none; rua=mailto:dmarc@{domain}\"\n\
         \n\
         ; Where bounces come to: {path_domain} needs an MX whose server takes `local+anything@{path_domain}`\n\
         ;\n\
         ; The channel's credentials:\n\
         ;   \"dkim_domain\": \"{domain}\", \"dkim_selector\": \"{selector}\", \"dkim_private_key\": all of {out}\n\
         ; The channel's settings:\n\
         ;   \"return_path\": \"{path}\"\n"
    )
}

/// The text in pieces of so many characters; of ASCII.
fn lines(text: &str, chars: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters
        .chunks(chars)
        .map(|piece| piece.iter().collect())
        .collect()
}

fn is_name(text: &str) -> bool {
    text.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(algorithm: Algorithm, out: PathBuf) -> DkimOptions {
        DkimOptions {
            domain: "example.org".into(),
            selector: "s1".into(),
            algorithm,
            out,
            relay: Some("mail.example.org".into()),
            return_path: Some("bounces@news.example.org".into()),
        }
    }

    #[test]
    fn the_page_holds_every_record() {
        let page = page(&options(Algorithm::Rsa, "key.pem".into()), &"A".repeat(392));
        for expected in [
            "s1._domainkey.example.org. 3600 IN TXT \"v=DKIM1; k=rsa; p=A",
            "A\" \"A",
            "news.example.org. 3600 IN TXT \"v=spf1 a:mail.example.org ~all\"",
            "_dmarc.example.org. 3600 IN TXT \"v=DMARC1; p=none;",
            "\"dkim_selector\": \"s1\"",
            "\"return_path\": \"bounces@news.example.org\"",
        ] {
            assert!(page.contains(expected), "{expected} is not in\n{page}");
        }
        let longest = page.split('"').map(str::len).max();
        assert!(longest.unwrap() <= STRING_CHARS);
    }

    #[test]
    fn a_key_is_written_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("key.pem");
        run(&options(Algorithm::Ed25519, out.clone())).unwrap();
        let mode = std::fs::metadata(&out).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(
            std::fs::read_to_string(&out)
                .unwrap()
                .starts_with("-----BEGIN PRIVATE KEY-----")
        );
        assert!(run(&options(Algorithm::Ed25519, out)).is_err());
    }

    #[test]
    fn a_pair_belongs_together() {
        let pair = pair(Algorithm::Ed25519).unwrap();
        assert_eq!(STANDARD.decode(pair.public).unwrap().len(), 32);
        assert!(!is_name("a b") && !is_name("") && is_name("s-1"));
    }
}
