//! Small floats: every bit pattern, and how values are rounded to them.

use quantscope::codec::minifloat::{self, Layout, decode_e8m0};

use super::*;

const FORMATS: [(&str, Layout); 10] = [
    ("e4m3fn", minifloat::E4M3FN),
    ("e5m2", minifloat::E5M2),
    ("e4m3fnuz", minifloat::E4M3FNUZ),
    ("e5m2fnuz", minifloat::E5M2FNUZ),
    ("e3m4", minifloat::E3M4),
    ("e2m3", minifloat::E2M3),
    ("e3m2", minifloat::E3M2),
    ("e2m1", minifloat::E2M1),
    ("bf16", minifloat::BF16),
    ("f16", minifloat::F16),
];

/// The one NaN that the file knows.
const NAN: u32 = 0x7FC0_0000;

fn store() -> TensorStore {
    let path = support::project("tests/data/quant/formats.safetensors");
    safetensors::read_tensors(&SourceFile::open(&path).unwrap()).unwrap().0
}

fn bits_of(value: f32) -> u32 {
    if value.is_nan() { NAN } else { value.to_bits() }
}

/// FNV-1a of the bytes of a run of patterns.
fn digest(patterns: &[u32]) -> u32 {
    let bytes = patterns.iter().flat_map(|pattern| pattern.to_le_bytes());
    bytes.fold(0x811C_9DC5, |digest, byte| (digest ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn unsigned(store: &TensorStore, name: &str) -> Vec<u32> {
    ints(store, name).into_iter().map(|int| int as u32).collect()
}

#[test]
fn every_bit_pattern_decodes_as_the_reference() {
    let store = store();
    for (name, format) in FORMATS {
        let n_codes = 1u32 << format.n_bits();
        let found: Vec<u32> = (0..n_codes).map(|bits| bits_of(format.decode(bits))).collect();
        if format.n_bits() < 16 {
            assert_eq!(found, unsigned(&store, &format!("{name}/values")), "{name}");
            continue;
        }
        let wanted = unsigned(&store, &format!("{name}/digests"));
        let digests: Vec<u32> = found.chunks(256).map(digest).collect();
        assert_eq!(digests, wanted, "{name}");
    }
    let found: Vec<u32> = (0..=255).map(|bits| bits_of(decode_e8m0(bits))).collect();
    assert_eq!(found, unsigned(&store, "e8m0/values"), "e8m0");
}

fn codes(choice: &str, values: &Tensor) -> (Vec<u32>, Vec<f32>) {
    let weights = ChannelMajor::new(values, 0);
    let choice: SchemeChoice = choice.parse().unwrap();
    let error = layer_error(&weights, &choice, &WorkCtx::new()).unwrap();
    let encoded = error.fitted.encode(&weights).unwrap();
    let decoded = error.fitted.decode(&encoded);
    (encoded.part("codes").unwrap().to_bits(), decoded)
}

/// With `overflow=as-format` all codes are the reference's; with saturation those of the values
/// that it keeps finite, and the others become the largest.
#[test]
fn values_are_rounded_as_the_reference() {
    let store = store();
    for (name, format) in FORMATS {
        let values = store.tensor(&format!("{name}/inputs")).unwrap();
        let mask = (1 << format.n_bits()) - 1;
        let wanted: Vec<u32> =
            unsigned(&store, &format!("{name}/codes")).iter().map(|code| code & mask).collect();
        let (as_format, _) = codes(&format!("{name}:scale=none,overflow=as-format"), &values);
        let (saturated, decoded) = codes(&format!("{name}:scale=none"), &values);
        let largest = (0..=mask).map(|bits| format.decode(bits)).filter(|v| v.is_finite());
        let largest = largest.fold(0.0, f32::max);
        for (idx, (&x, &wanted)) in values.iter().zip(&wanted).enumerate() {
            let value = format.decode(wanted);
            if value.is_nan() {
                assert!(format.decode(as_format[idx]).is_nan(), "{name}: {x:e}");
            } else {
                assert_eq!(as_format[idx], wanted, "{name}: {x:e}");
            }
            if value.is_finite() {
                assert_eq!(saturated[idx], wanted, "{name}, saturating: {x:e}");
                assert_eq!(decoded[idx].to_bits(), value.to_bits(), "{name}: {x:e}");
            } else {
                assert_eq!(decoded[idx], largest.copysign(x), "{name}, saturating: {x:e}");
            }
        }
    }
}
