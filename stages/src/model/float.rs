//! Numbers that are the same on every machine: half precision, exponential, logarithm.
//!
//! The platform's own `exp` and `ln` differ between machines in the last bit, and so would what a model says. These are
//! made of additions and multiplications alone, which do not differ.

/// 2^112: the exponents of f16 and f32 are that far apart.
const TO_F32: f32 = f32::from_bits((127 + 112) << 23);
/// 2^-112.
const TO_F16: f32 = f32::from_bits((127 - 112) << 23);

/// An f16 (IEEE 754 binary16) that is not negative. Infinities and what is no number come out as large finite numbers.
#[inline(always)]
pub(super) fn from_f16(half: u16) -> f32 {
    f32::from_bits(u32::from(half) << 13) * TO_F32
}

/// The nearest f16 of a number that is not negative, to even between two; none when there is none that is finite.
pub(super) fn to_f16(value: f32) -> Option<u16> {
    let scaled = (value * TO_F16).to_bits();
    let half = scaled.checked_add(0x0fff + ((scaled >> 13) & 1))? >> 13;
    let half = u16::try_from(half).ok()?;
    is_f16(half).then_some(half)
}

/// Whether these bits are an f16 that is finite and not negative.
pub(super) fn is_f16(half: u16) -> bool {
    half < 0x7c00
}

/// e^x, right to about 1e-15; x is taken to be between -700 and 700.
#[inline(always)]
pub(super) fn exp(x: f64) -> f64 {
    /// 1.5 · 2^52: adding it leaves the nearest integer in the lowest bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    /// ln 2 in two parts, the first with zeros at its end, so that its product with a small integer is exact.
    const LN2_HIGH: f64 = f64::from_bits(0x3FE6_2E42_FEE0_0000);
    const LN2_LOW: f64 = f64::from_bits(0x3DEA_39EF_3579_3C76);
    let rounded = x * std::f64::consts::LOG2_E + ROUND;
    let power = rounded - ROUND;
    let rest = (x - power * LN2_HIGH) - power * LN2_LOW;
    // Taylor's series; |rest| is at most ln 2 / 2.
    let mut sum = 1.0 / 6_227_020_800.0;
    for coefficient in [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        sum = sum * rest + coefficient;
    }
    sum * f64::from_bits(rounded.to_bits().wrapping_add(1023) << 52)
}

/// The natural logarithm of a positive, normal number, right to about 1e-15.
pub(super) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    // The mantissa between √½ and √2, and the exponent that goes with it.
    let offset = bits.wrapping_sub(std::f64::consts::FRAC_1_SQRT_2.to_bits());
    let exponent = (offset as i64) >> 52;
    let mantissa = f64::from_bits(bits.wrapping_sub((exponent as u64) << 52));
    // ln m = 2 artanh((m - 1) / (m + 1)).
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    for odd in [21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = sum * square + 1.0 / odd;
    }
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * s * sum
}

/// 1 / (1 + e^-x); x is taken to be between -700 and 700.
#[inline(always)]
pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_half_is_itself() {
        for half in 0..0x7c00 {
            assert_eq!(to_f16(from_f16(half)), Some(half), "{half:#x}");
        }
        for (half, value) in [
            (0x3c00, 1.0),
            (0x4000, 2.0),
            (0x3555, 0.333_251_95),
            (0x0001, 5.960_464_5e-8),
            (0x7bff, 65_504.0),
        ] {
            assert_eq!(from_f16(half), value);
        }
        for none in [65_520.0, 1e30, f32::INFINITY, f32::NAN, -1.0] {
            assert_eq!(to_f16(none), None);
        }
    }

    proptest! {
        #[test]
        fn a_half_is_the_nearest(value in 0.0_f32..65_000.0) {
            let near = from_f16(to_f16(value).unwrap());
            prop_assert!((near - value).abs() <= value / 2048.0 + 3e-8);
        }

        #[test]
        fn exp_and_ln_are_what_they_should_be(x in -690.0_f64..690.0) {
            prop_assert!((exp(x) / x.exp() - 1.0).abs() < 1e-14);
            let positive = x.exp();
            prop_assert!((ln(positive) - x).abs() < 1e-13 * x.abs().max(1.0));
        }
    }

    #[test]
    fn the_ends_hold() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(ln(1.0), 0.0);
        assert!(exp(-700.0) < 1e-300 && exp(700.0).is_finite());
        assert_eq!(sigmoid(0.0), 0.5);
        assert!(sigmoid(-700.0) < 1e-300 && sigmoid(700.0) == 1.0);
    }
}
