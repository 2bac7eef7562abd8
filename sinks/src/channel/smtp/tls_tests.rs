//! TLS against a real handshake. The authority of `tls/` signed only the certificate beside it, its key
//! is gone, and nothing but these tests trusts it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::Arc,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use schemas::ChannelKind;
use serde_json::json;

use super::*;
use crate::channel::tests::{account, outbound, word};

const AUTHORITY: &str = include_str!("tls/authority.pem");

/// Says what a relay says; `offers` is its answer to EHLO. True when the client asks for STARTTLS.
fn converse(stream: &mut (impl Read + Write), offers: &str, greets: bool) -> bool {
    let say = |stream: &mut BufReader<&mut _>, line: &str| {
        let socket: &mut &mut _ = stream.get_mut();
        Write::write_all(socket, format!("{line}\r\n").as_bytes()).unwrap();
        Write::flush(socket).unwrap();
    };
    let mut stream = BufReader::new(stream);
    if greets {
        say(&mut stream, "220 relay");
    }
    let mut line = String::new();
    let mut in_content = false;
    loop {
        line.clear();
        if stream.read_line(&mut line).unwrap_or(0) == 0 {
            return false;
        }
        if in_content {
            if line == ".\r\n" {
                in_content = false;
                say(&mut stream, "250 taken");
            }
            continue;
        }
        match line.split([' ', '\r']).next().unwrap() {
            "EHLO" => say(&mut stream, offers),
            "STARTTLS" => {
                say(&mut stream, "220 go on");
                return true;
            }
            "DATA" => {
                say(&mut stream, "354 go on");
                in_content = true;
            }
            _ => say(&mut stream, "250 ok"),
        }
    }
}

/// A relay with TLS on `localhost`; answers its port.
fn relay(implicit: bool) -> u16 {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("localhost:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut socket, _)) = listener.accept() {
            if !implicit && !converse(&mut socket, "250-relay\r\n250 STARTTLS", true) {
                continue;
            }
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, socket);
            // A client that does not trust us breaks the handshake off.
            if stream.conn.complete_io(&mut stream.sock).is_ok() {
                converse(&mut stream, "250 relay", implicit);
            }
        }
    });
    port
}

fn smtp(port: u16, tls: &str, authority: Option<&str>) -> Smtp {
    let credentials = json!({
        "from": "desk@example.com",
        "smtp": {
            "host": "localhost", "port": port, "tls": tls, "roots": "webpki", "ca_pem": authority,
        },
    });
    let config = json!({"settings": {"allow_private": true}});
    let account = account(ChannelKind::Email, &config, &credentials);
    Smtp::new(&account, &Settings::default()).unwrap()
}

async fn send(smtp: &Smtp, id: u128) -> String {
    let mut letter = outbound(id);
    letter.message.recipient.id = "bob@example.org".into();
    word(&smtp.send(&[&letter]).await.remove(0))
}

#[tokio::test]
async fn mail_goes_over_both_kinds_of_tls_on_a_kept_connection() {
    for (tls, implicit) in [("implicit", true), ("starttls", false)] {
        let smtp = smtp(relay(implicit), tls, Some(AUTHORITY));
        for id in 1..=3 {
            assert!(send(&smtp, id).await.starts_with("accepted"), "{tls} {id}");
        }
    }
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_refused() {
    for (tls, implicit) in [("implicit", true), ("starttls", false)] {
        let smtp = smtp(relay(implicit), tls, None);
        assert_eq!(send(&smtp, 1).await, "retry tls", "{tls}");
    }
}
