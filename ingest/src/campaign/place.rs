//! By which way a contact is written to. Pure.

use schemas::campaign::Plan;
use store::campaign::{audience::Reachable, expand::Way};

/// Why a contact is not written to: a code, and words for people.
pub(super) type Skipped = (&'static str, &'static str);

const NO_ADDRESS: Skipped = (
    "no-address",
    "the contact has no address that a channel of the campaign reaches",
);
const NO_CONSENT: Skipped = (
    "no-consent",
    "the contact has not agreed, or no longer agrees, to be written to there",
);

/// The ways to a contact, the best first: the preferred channel, then the plan's order. The rest are what is left when the
/// first fails.
pub(super) fn ways(plan: &Plan, contact: &Reachable) -> Result<(Way, Vec<Way>), Skipped> {
    let mut refused = false;
    let mut ways: Vec<Way> = Vec::new();
    for channel in &plan.channels {
        let kind = channel.kind.address_kind();
        for (of, address, consent) in &contact.addresses {
            if of != kind {
                continue;
            }
            if *consent == Some(false) {
                refused = true;
                continue;
            }
            if ways
                .iter()
                .any(|way| way.address == *address && way.kind.address_kind() == kind)
            {
                continue;
            }
            ways.push(Way {
                channel: channel.id,
                kind: channel.kind,
                address: address.clone(),
            });
        }
    }
    if let Some(preferred) = contact.preferred_channel.as_deref() {
        ways.sort_by_key(|way| {
            way.kind.address_kind() != preferred && way.kind.name() != preferred
        });
    }
    let mut ways = ways.into_iter();
    match ways.next() {
        Some(way) => Ok((way, ways.collect())),
        None if refused => Err(NO_CONSENT),
        None => Err(NO_ADDRESS),
    }
}

#[cfg(test)]
mod tests {
    use schemas::{
        ChannelId, ChannelKind, ContactId,
        campaign::{PlannedChannel, Tracked},
    };
    use uuid::Uuid;

    use super::*;

    fn plan(kinds: &[ChannelKind]) -> Plan {
        Plan {
            channels: kinds
                .iter()
                .zip(1..)
                .map(|(kind, n)| PlannedChannel {
                    id: ChannelId(Uuid::from_u128(n)),
                    kind: *kind,
                })
                .collect(),
            wordings: Vec::new(),
            sender_name: None,
            sender_email: None,
            tracked: Tracked {
                opens: true,
                clicks: true,
                unsubscribe: true,
            },
            lists: Vec::new(),
            segments: Vec::new(),
            defaults: std::collections::BTreeMap::default(),
        }
    }

    fn contact(addresses: &[(&str, &str, Option<bool>)], preferred: Option<&str>) -> Reachable {
        Reachable {
            seq: 1,
            contact: ContactId(Uuid::from_u128(9)),
            time_zone: None,
            preferred_channel: preferred.map(str::to_owned),
            addresses: addresses
                .iter()
                .map(|(kind, address, consent)| ((*kind).into(), (*address).into(), *consent))
                .collect(),
        }
    }

    #[test]
    fn the_preferred_channel_first_then_the_plans_order() {
        let plan = plan(&[
            ChannelKind::Email,
            ChannelKind::Twilio,
            ChannelKind::WhatsApp,
        ]);
        let all = [
            ("email", "a@example.org", None),
            ("phone", "+15550100", Some(true)),
            ("whatsapp", "15550100", None),
        ];
        let (first, rest) = ways(&plan, &contact(&all, None)).unwrap();
        assert_eq!(first.kind, ChannelKind::Email);
        assert_eq!(rest.len(), 2);
        let (first, rest) = ways(&plan, &contact(&all, Some("phone"))).unwrap();
        assert_eq!(first.kind, ChannelKind::Twilio);
        let kinds: Vec<ChannelKind> = rest.iter().map(|way| way.kind).collect();
        assert_eq!(kinds, [ChannelKind::Email, ChannelKind::WhatsApp]);
    }

    #[test]
    fn who_has_no_address_or_said_no_is_skipped() {
        let plan = plan(&[ChannelKind::Email]);
        let other = contact(&[("phone", "+15550100", None)], None);
        assert_eq!(ways(&plan, &other), Err(NO_ADDRESS));
        let no = contact(&[("email", "a@example.org", Some(false))], None);
        assert_eq!(ways(&plan, &no), Err(NO_CONSENT));
    }

    #[test]
    fn two_channels_of_a_kind_do_not_write_twice_to_one_address() {
        let plan = plan(&[ChannelKind::Twilio, ChannelKind::Vonage]);
        let one = contact(&[("phone", "+15550100", None)], None);
        let (first, rest) = ways(&plan, &one).unwrap();
        assert_eq!((first.kind, rest.len()), (ChannelKind::Twilio, 0));
    }
}
