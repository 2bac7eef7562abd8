//! The inner loops: sums of rows of small integers.
//!
//! Everything here is meant to be inlined into a caller that was compiled for the machine it runs on, and becomes
//! vector instructions there. Invariant: lanes never mix, and a lane's sum takes its terms one after the other, each a
//! product and an addition that are rounded by themselves; so the sums are the same bits whatever the machine's vectors
//! are, and a machine without any gets them too.

/// A row, and what its values are multiplied with.
pub(super) type Term = (u32, f32);

/// Adds the rows, each times its coefficient, to the sums. `rows` is row after row, each as wide as `sums`: 4, 8 or a
/// multiple of 16 values. A row past the end counts as zeros.
///
/// It goes through all rows for some of the columns, and then for the next: so the sums stay in registers. 64 columns
/// of a row are a cache line.
#[inline(always)]
pub(super) fn add_rows(rows: &[u8], terms: &[Term], sums: &mut [f32]) {
    let width = sums.len();
    let mut rest = sums;
    let mut column = 0;
    while !rest.is_empty() {
        let (now, later) = match rest.len() {
            64.. => columns::<64>(rows, width, column, terms, rest),
            48.. => columns::<48>(rows, width, column, terms, rest),
            32.. => columns::<32>(rows, width, column, terms, rest),
            16.. => columns::<16>(rows, width, column, terms, rest),
            8.. => columns::<8>(rows, width, column, terms, rest),
            _ => columns::<4>(rows, width, column, terms, rest),
        };
        column += now;
        rest = later;
    }
}

/// The columns from `column` on, the first of the sums; says how many, and gives the other sums back.
#[inline(always)]
fn columns<'a, const LANES: usize>(
    rows: &[u8],
    width: usize,
    column: usize,
    terms: &[Term],
    sums: &'a mut [f32],
) -> (usize, &'a mut [f32]) {
    let Some((sums, rest)) = sums.split_first_chunk_mut::<LANES>() else {
        return (LANES, &mut []);
    };
    let mut lanes = *sums;
    if width == LANES {
        // All of a row at once, which most models' rows are.
        let (rows, _) = rows.as_chunks::<LANES>();
        for &(row, coefficient) in terms {
            if let Some(values) = rows.get(row as usize) {
                add(&mut lanes, coefficient, values);
            }
        }
    } else {
        for &(row, coefficient) in terms {
            let begin = row as usize * width + column;
            let values = rows.get(begin..begin + LANES);
            if let Some(values) = values.and_then(|values| values.first_chunk::<LANES>()) {
                add(&mut lanes, coefficient, values);
            }
        }
    }
    *sums = lanes;
    (LANES, rest)
}

#[inline(always)]
fn add<const LANES: usize>(sums: &mut [f32; LANES], coefficient: f32, values: &[u8; LANES]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += coefficient * value_of(*value);
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

/// The sum of the squares of the coefficients, in f32 and eight lanes.
#[inline(always)]
pub(super) fn sum_of_squares(terms: &[Term]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    let (chunks, rest) = terms.as_chunks::<8>();
    for chunk in chunks {
        for (lane, (_, coefficient)) in lanes.iter_mut().zip(chunk) {
            *lane += coefficient * coefficient;
        }
    }
    for (lane, (_, coefficient)) in lanes.iter_mut().zip(rest) {
        *lane += coefficient * coefficient;
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// The sum in four lanes.
#[inline(always)]
pub(super) fn sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0_f64; 4];
    let (chunks, rest) = values.as_chunks::<4>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *lane += value;
    }
    let [a, b, c, d] = lanes;
    (a + b) + (c + d)
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
            width in prop::sample::select(vec![4_usize, 8, 16, 32, 48, 64, 160]),
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
    fn sums_leave_nothing_out() {
        for count in 0..20_u32 {
            let values: Vec<f64> = (1..=count).map(f64::from).collect();
            assert_eq!(sum(&values), f64::from(count * (count + 1) / 2));
            let terms: Vec<Term> = (1..=count).map(|value| (0, value as f32)).collect();
            let squares = count * (count + 1) * (2 * count + 1) / 6;
            assert_eq!(sum_of_squares(&terms), squares as f32);
        }
    }

    #[test]
    fn what_is_not_there_counts_nothing() {
        for width in [4, 8, 16, 32, 48, 64, 80] {
            let mut sums = vec![1.0; width];
            add_rows(&vec![1; width], &[(7, 3.0), (u32::MAX, 3.0)], &mut sums);
            assert_eq!(sums, vec![1.0; width]);
        }
    }
}
