//! Numbers and schemes in a file so that they come back as they were: JSON has no infinities, and a
//! scheme is its specification.

/// A float as its bits.
pub(super) mod bits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        number.to_bits().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Ok(f64::from_bits(u64::deserialize(deserializer)?))
    }
}

/// A scheme as it is written on the command line.
pub(super) mod spec {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::quant::SchemeChoice;

    pub fn serialize<S: Serializer>(
        choice: &SchemeChoice,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        choice.to_string().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SchemeChoice, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(Error::custom)
    }
}
