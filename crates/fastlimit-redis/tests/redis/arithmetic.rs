//! The script's products, which no double holds, against `u128`: directed cases first, since a
//! wrong split goes unnoticed by nearly all random ones.

use crate::rig::Rig;

const ARITHMETIC: &str = include_str!("../../src/lua/arithmetic.lua");

const ALL: &str = "
local results = {}
for i = 1, #ARGV, 3 do
  local q, r = muldiv(tonumber(ARGV[i]), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]))
  results[#results + 1] = string.format('%.0f', q)
  results[#results + 1] = string.format('%.0f', r)
end
return results";

/// The `y` with `x * y ≡ 1 (mod d)`, if there is one.
fn inverse(x: u64, d: u64) -> Option<u64> {
    let (mut r, mut next_r) = (i128::from(d), i128::from(x % d));
    let (mut y, mut next_y) = (0_i128, 1_i128);
    while next_r != 0 {
        let quotient = r / next_r;
        (r, next_r) = (next_r, r - quotient * next_r);
        (y, next_y) = (next_y, y - quotient * next_y);
    }
    (r == 1).then(|| u64::try_from(y.rem_euclid(i128::from(d))).unwrap())
}

fn cases() -> Vec<[u64; 3]> {
    const PERIOD: u64 = 31_622_400_000;
    let divisors = [
        1,
        2,
        3,
        1_000,
        86_400_000,
        (1 << 26) - 5,
        (1 << 26) + 15,
        (1 << 27) - 39,
        PERIOD - 1,
        PERIOD,
        (1 << 35) - 31,
        1 << 35,
        (1 << 35) + 53,
        999_999_999_989,
        1_000_000_000_000,
        (1 << 41) - 21,
        1 << 41,
    ];
    let counts = [
        0,
        1,
        2,
        999,
        (1 << 26) + 1,
        PERIOD - 1,
        PERIOD,
        3_155_760_000_000,
        999_999_999_999,
        1_000_000_000_000,
        (1 << 40) + 1,
        (1 << 41) - 1,
        1 << 41,
        (1 << 52) - 1,
        1 << 52,
    ];
    let mut cases = Vec::new();
    for d in divisors {
        for x in counts {
            let mut seen = vec![0, 1, d - 1, d, d + 1, 2 * d - 1];
            seen.extend(counts.iter().filter(|y| **y <= 1 << 42));
            // The product is one above or below a multiple of the divisor.
            seen.extend(inverse(x, d).into_iter().flat_map(|y| [y, d - y]));
            cases.extend(seen.into_iter().map(|y| [x, y, d]));
        }
        // The same for many more.
        let mut x = 0x2545_F491_4F6C_DD1D_u64;
        for _ in 0..400 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let x = x >> 12;
            cases.extend(
                inverse(x, d)
                    .into_iter()
                    .flat_map(|y| [[x, y, d], [x, d - y, d]]),
            );
        }
    }
    // The script promises nothing where the quotient is no whole number of its own.
    cases.retain(|&[x, y, d]| u128::from(x) * u128::from(y) / u128::from(d) < 1 << 53);
    cases
}

#[tokio::test]
async fn products_are_exact() {
    let rig = Rig::new();
    let cases = cases();
    assert!(cases.len() > 10_000, "{}", cases.len());
    let client = redis::Client::open(rig.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let script = format!("{ARITHMETIC}{ALL}");
    for cases in cases.chunks(500) {
        let mut command = redis::cmd("EVAL");
        command.arg(&script).arg(0);
        for number in cases.iter().flatten() {
            command.arg(number);
        }
        let results: Vec<String> = command.query_async(&mut connection).await.unwrap();
        for (&[x, y, d], result) in cases.iter().zip(results.chunks(2)) {
            let product = u128::from(x) * u128::from(y);
            let (quotient, rest) = (product / u128::from(d), product % u128::from(d));
            let expected = [quotient.to_string(), rest.to_string()];
            assert_eq!(result, expected, "{x} * {y} / {d}");
        }
    }
}
