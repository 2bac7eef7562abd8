//! The inner loops: sums of rows of small integers.
//!
//! Everything here is meant to be inlined into a caller that was compiled for the machine it runs on, and becomes
//! vector instructions there. Invariant: lanes never mix, and a lane's sum takes its terms one after the other, each a
//! product and an addition that are rounded by themselves; so the sums are the same bits whatever the machine's vectors
//! are, and a machine without any gets them too.

/// A row, and what its values are multiplied with.
pub(super) type Term = (u32, f32);

/// Values of a row that are worked on at a time.
const LANES: usize = 16;

/// Adds the rows, each times its coefficient, to the sums. `rows` is row after row, each as wide as `sums`: 4, 8 or a
/// multiple of 16 values. A row past the end counts as zeros.
#[inline(always)]
pub(super) fn add_rows(rows: &[u8], terms: &[Term], sums: &mut [f32]) {
    match sums.len() {
        4 => narrow::<4>(rows, terms, sums),
        8 => narrow::<8>(rows, terms, sums),
        16 => narrow::<16>(rows, terms, sums),
        _ => wide(rows, terms, sums),
    }
}

/// The sums stay in registers.
#[inline(always)]
fn narrow<const WIDTH: usize>(rows: &[u8], terms: &[Term], sums: &mut [f32]) {
    let (rows, _) = rows.as_chunks::<WIDTH>();
    let Some(sums) = sums.first_chunk_mut::<WIDTH>() else {
        return;
    };
    let mut lanes = *sums;
    for (row, coefficient) in terms {
        if let Some(row) = rows.get(*row as usize) {
            for (lane, value) in lanes.iter_mut().zip(row) {
                *lane += coefficient * value_of(*value);
            }
        }
    }
    *sums = lanes;
}

/// Four rows at a time, so that a sum is loaded and stored once for the four.
#[inline(always)]
fn wide(rows: &[u8], terms: &[Term], sums: &mut [f32]) {
    let width = sums.len();
    let row_of = |row: u32| {
        let begin = row as usize * width;
        let row = rows.get(begin..begin + width).unwrap_or_default();
        row.as_chunks::<LANES>().0
    };
    let (sums, _) = sums.as_chunks_mut::<LANES>();
    let (quads, rest) = terms.as_chunks::<4>();
    for [one, two, three, four] in quads {
        let (first, second) = (row_of(one.0), row_of(two.0));
        let (third, fourth) = (row_of(three.0), row_of(four.0));
        let values = first.iter().zip(second).zip(third).zip(fourth);
        for (sums, (((a, b), c), d)) in sums.iter_mut().zip(values) {
            for lane in 0..LANES {
                let mut sum = sums[lane];
                sum += one.1 * value_of(a[lane]);
                sum += two.1 * value_of(b[lane]);
                sum += three.1 * value_of(c[lane]);
                sum += four.1 * value_of(d[lane]);
                sums[lane] = sum;
            }
        }
    }
    for (row, coefficient) in rest {
        for (sums, values) in sums.iter_mut().zip(row_of(*row)) {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += coefficient * value_of(*value);
            }
        }
    }
}

/// Adds a vector times a matrix to the sums: for each dimension of the vector, the matrix has one value for each sum.
#[inline(always)]
pub(super) fn add_product(vector: &[f32], matrix: &[f32], sums: &mut [f32]) {
    if sums.is_empty() {
        return;
    }
    for (coefficient, values) in vector.iter().zip(matrix.chunks_exact(sums.len())) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += coefficient * value;
        }
    }
}

/// A stored value: two's complement.
#[inline(always)]
fn value_of(byte: u8) -> f32 {
    f32::from(byte as i8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sums_are_those_of_the_plain_loop_to_the_last_bit(
            width in prop::sample::select(vec![4_usize, 8, 16, 32, 160]),
            bytes in proptest::collection::vec(any::<u8>(), 1600),
            terms in proptest::collection::vec((0_u32..9, -2.0_f32..2.0), 0..12),
        ) {
            let mut expected = vec![0.25_f32; width];
            for (row, coefficient) in &terms {
                for (lane, sum) in expected.iter_mut().enumerate() {
                    *sum += coefficient * f32::from(bytes[*row as usize * width + lane] as i8);
                }
            }
            let mut plain = vec![0.25_f32; width];
            add_rows(&bytes, &terms, &mut plain);
            prop_assert_eq!(&plain, &expected);
            let mut vectors = vec![0.25_f32; width];
            pulp::Arch::new().dispatch(|| add_rows(&bytes, &terms, &mut vectors));
            prop_assert_eq!(&vectors, &expected);
        }
    }

    #[test]
    fn what_is_not_there_counts_nothing() {
        for width in [4, 8, 16, 32] {
            let mut sums = vec![1.0; width];
            add_rows(&vec![1; width], &[(7, 3.0), (u32::MAX, 3.0)], &mut sums);
            assert_eq!(sums, vec![1.0; width]);
        }
    }
}
