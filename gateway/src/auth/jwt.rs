//! JSON Web Tokens (RFC 7519): HS256 and RS256.
//!
//! Invariant: each algorithm has its own key and is checked with that key alone, so a token cannot
//! choose to have the public key taken for a secret. Claims: `sub`, `tenant` (UUID), `role`, `exp`;
//! `nbf` is honoured; `iss` and `aud` are required when the settings name them.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, errors::ErrorKind};
use schemas::TenantId;
use serde::Deserialize;

use super::{Caller, Role};
use crate::settings::JwtSettings;

/// Clocks may differ by this much.
const LEEWAY_S: u64 = 30;

pub(crate) struct Jwt {
    accepted: Vec<(Algorithm, DecodingKey, Validation)>,
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("This hub takes API keys only; it has no key to check JSON Web Tokens with.")]
    NoneTaken,
    #[error("The token is no JSON Web Token, or one of an algorithm that is not taken here.")]
    Form,
    #[error("The token's signature is wrong.")]
    Signature,
    #[error("The token has expired or is not valid yet. Get a fresh one.")]
    Time,
    #[error("The token's issuer or audience is not the one expected here.")]
    Origin,
    #[error(
        "The token lacks a claim: it takes sub, tenant (a UUID), role (admin, agent, viewer) and exp."
    )]
    Claims,
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JwtKeyError {
    #[error("the secret for HS256 is shorter than 32 bytes")]
    ShortSecret,
    #[error("the public key for RS256 is no RSA key in PEM")]
    NotAPublicKey(#[source] jsonwebtoken::errors::Error),
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    tenant: TenantId,
    role: Role,
}

impl Jwt {
    pub(crate) fn new(settings: &JwtSettings) -> Result<Self, JwtKeyError> {
        let mut accepted = Vec::new();
        let validation = |algorithm| {
            let mut validation = Validation::new(algorithm);
            validation.leeway = LEEWAY_S;
            validation.validate_nbf = true;
            let mut required = vec!["exp", "sub"];
            if let Some(issuer) = &settings.issuer {
                validation.set_issuer(&[issuer]);
                required.push("iss");
            }
            if let Some(audience) = &settings.audience {
                validation.set_audience(&[audience]);
                required.push("aud");
            } else {
                validation.validate_aud = false;
            }
            validation.set_required_spec_claims(&required);
            validation
        };
        if let Some(secret) = &settings.hs256_secret {
            let secret = secret.expose().as_bytes();
            if secret.len() < 32 {
                return Err(JwtKeyError::ShortSecret);
            }
            accepted.push((
                Algorithm::HS256,
                DecodingKey::from_secret(secret),
                validation(Algorithm::HS256),
            ));
        }
        if let Some(pem) = &settings.rs256_public_key_pem {
            let key = DecodingKey::from_rsa_pem(pem.expose().as_bytes())
                .map_err(JwtKeyError::NotAPublicKey)?;
            accepted.push((Algorithm::RS256, key, validation(Algorithm::RS256)));
        }
        Ok(Self { accepted })
    }

    pub(crate) fn verify(&self, token: &str) -> Result<Caller, Refused> {
        if self.accepted.is_empty() {
            return Err(Refused::NoneTaken);
        }
        let header = decode_header(token).map_err(|_| Refused::Form)?;
        let (_, key, validation) = self
            .accepted
            .iter()
            .find(|(algorithm, _, _)| *algorithm == header.alg)
            .ok_or(Refused::Form)?;
        let claims = decode::<Claims>(token, key, validation)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => Refused::Signature,
                ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => Refused::Time,
                ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => Refused::Origin,
                ErrorKind::MissingRequiredClaim(_) | ErrorKind::Json(_) => Refused::Claims,
                _ => Refused::Form,
            })?
            .claims;
        // An adapter belongs to a channel, which only a key names.
        if claims.sub.is_empty() || claims.sub.len() > 255 || claims.role == Role::Adapter {
            return Err(Refused::Claims);
        }
        Ok(Caller {
            tenant: claims.tenant,
            role: claims.role,
            actor: Arc::from(format!("jwt:{}", claims.sub)),
            name: None,
            channel: None,
        })
    }
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
