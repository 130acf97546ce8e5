//! Settings in one click: what people ask for most, by name.

use crate::quant::SchemeChoice;

/// A named specification.
pub struct QuickSetting {
    pub name: &'static str,
    pub spec: &'static str,
    /// When one would take it.
    pub help: &'static str,
}

/// From the safest to the smallest.
pub static QUICK_SETTINGS: &[QuickSetting] = &[
    QuickSetting {
        name: "int 8 bits, per tensor",
        spec: "int:bits=8",
        help: "One scale for the whole tensor: what every integer runtime takes",
    },
    QuickSetting {
        name: "int 8 bits, per channel",
        spec: "int:bits=8,granularity=per-channel",
        help: "One scale for each output channel: the usual 8-bit weights of convolutions",
    },
    QuickSetting {
        name: "int 4 bits, per channel",
        spec: "int:bits=4,granularity=per-channel",
        help: "Half the size of 8 bits; needs one scale for each channel",
    },
    QuickSetting {
        name: "int 4 bits, per channel, least MSE",
        spec: "int:bits=4,granularity=per-channel,range=mse",
        help: "Ranges chosen for the least squared error: clips what is rare and far out",
    },
    QuickSetting {
        name: "int 4 bits, groups of 32, asymmetric",
        spec: "int:bits=4,symmetry=asymmetric,granularity=per-group,group-size=32",
        help: "The usual 4-bit weights of language models",
    },
    QuickSetting { name: "float, not quantized", spec: "float", help: "Keeps the layer as it is" },
];

impl QuickSetting {
    /// The choice the specification stands for.
    pub fn choice(&self) -> Option<SchemeChoice> {
        self.spec.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_specification_is_read() {
        for quick in QUICK_SETTINGS {
            assert!(quick.choice().is_some(), "{}", quick.name);
        }
    }
}
