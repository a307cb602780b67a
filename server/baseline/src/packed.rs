//! Small forms of what is long and mostly idle.

/// A list of bytes, runs of zeros as their length.
pub(crate) mod runs {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use crate::series::RING;

    pub(crate) fn serialize<S: Serializer>(ring: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let mut out = Vec::with_capacity(ring.len());
        let mut zeros = 0_u8;
        for byte in ring {
            if *byte == 0 && zeros < u8::MAX {
                zeros += 1;
                continue;
            }
            if zeros > 0 {
                out.extend([0, zeros]);
                zeros = 0;
            }
            if *byte == 0 {
                zeros = 1;
            } else {
                out.push(*byte);
            }
        }
        if zeros > 0 {
            out.extend([0, zeros]);
        }
        to.serialize_bytes(&out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let packed = <&[u8]>::deserialize(from)?;
        let mut ring = Vec::with_capacity(RING);
        let mut bytes = packed.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                0 => {
                    let zeros = bytes.next().copied().unwrap_or_default();
                    ring.resize(ring.len() + usize::from(zeros), 0);
                }
                byte => ring.push(*byte),
            }
            if ring.len() > RING {
                return Err(de::Error::custom("too many hours"));
            }
        }
        Ok(ring)
    }
}

/// A sketch in the form that DataSketches has for all languages.
pub(crate) mod sketch {
    use datasketches::hll::HllSketch;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(
        sketch: &Option<HllSketch>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        sketch.as_ref().map(HllSketch::serialize).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<HllSketch>, D::Error> {
        let bytes = Option::<Vec<u8>>::deserialize(from)?;
        let sketch = bytes
            .map(|bytes| HllSketch::deserialize(&bytes))
            .transpose();
        sketch.map_err(|_| de::Error::custom("no sketch"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Ring(#[serde(with = "super::runs")] Vec<u8>);

    proptest! {
        #[test]
        fn runs_come_back(ring in prop::collection::vec(prop_oneof![4 => Just(0_u8), 1 => any::<u8>()], 0..1032)) {
            let bytes = postcard::to_allocvec(&Ring(ring.clone())).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Ring>(&bytes).unwrap(), Ring(ring));
        }

        #[test]
        fn any_bytes_are_a_ring_or_none(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            if let Ok(Ring(ring)) = postcard::from_bytes(&bytes) {
                prop_assert!(ring.len() <= crate::series::RING);
            }
        }
    }

    #[test]
    fn an_idle_ring_is_small() {
        let bytes = postcard::to_allocvec(&Ring(vec![0; crate::series::RING])).unwrap();
        assert!(bytes.len() < 16, "{}", bytes.len());
    }
}
