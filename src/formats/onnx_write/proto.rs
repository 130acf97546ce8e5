//! The messages of an ONNX file, encoded by `rten-onnx`'s writer. Field numbers are those of
//! `onnx.proto`.

use std::borrow::Cow;

use rten_onnx::protobuf::{EncodeMessage, MessageWriter, ProtobufError, WriteValue};

use crate::model::{Attribute, Dim, Graph, GraphInput, Node};
use crate::tensor::{DType, Value};

type Done = Result<(), ProtobufError>;

/// `ModelProto`
pub(super) struct ModelMessage<'a> {
    pub ir_version: i64,
    pub graph: &'a Graph,
    pub title: &'a str,
    pub initializers: &'a [TensorMessage<'a>],
    /// By graph output: its element type, and its shape where it is known.
    pub outputs: &'a [(i32, Option<Vec<Dim>>)],
    pub metadata: Vec<(&'a str, &'a str)>,
}

/// `TensorProto` with raw data.
pub(super) struct TensorMessage<'a> {
    pub name: Cow<'a, str>,
    pub dims: Vec<i64>,
    pub data_type: i32,
    pub bytes: Cow<'a, [u8]>,
}

impl EncodeMessage for ModelMessage<'_> {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<W>) -> Done {
        fields.write_int64(1, self.ir_version)?;
        fields.write_string(2, "quantscope")?;
        fields.write_string(3, env!("CARGO_PKG_VERSION"))?;
        fields.write_message(7, &GraphMessage(self))?;
        fields.write_message(8, &OpsetMessage(i64::from(self.graph.opset)))?;
        self.metadata
            .iter()
            .try_for_each(|&(key, value)| fields.write_message(14, &EntryMessage { key, value }))
    }
}

/// `OperatorSetIdProto` of the default domain.
struct OpsetMessage(i64);

impl EncodeMessage for OpsetMessage {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<W>) -> Done {
        fields.write_string(1, "")?;
        fields.write_int64(2, self.0)
    }
}

/// `StringStringEntryProto`
struct EntryMessage<'a> {
    key: &'a str,
    value: &'a str,
}

impl EncodeMessage for EntryMessage<'_> {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<W>) -> Done {
        fields.write_string(1, self.key)?;
        fields.write_string(2, self.value)
    }
}

/// `GraphProto`
struct GraphMessage<'a>(&'a ModelMessage<'a>);

impl EncodeMessage for GraphMessage<'_> {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<W>) -> Done {
        let ModelMessage { graph, title, initializers, outputs, .. } = self.0;
        graph.nodes.iter().try_for_each(|node| fields.write_message(1, &NodeMessage(node)))?;
        fields.write_string(2, title)?;
        initializers.iter().try_for_each(|tensor| fields.write_message(5, tensor))?;
        graph.inputs.iter().try_for_each(|input| fields.write_message(11, &InputMessage(input)))?;
        graph.outputs.iter().zip(*outputs).try_for_each(|(name, (elem_type, shape))| {
            let shape = shape.as_deref();
            fields.write_message(12, &OutputMessage { name, elem_type: *elem_type, shape })
        })
    }
}

/// `NodeProto`
struct NodeMessage<'a>(&'a Node);

impl EncodeMessage for NodeMessage<'_> {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<W>) -> Done {
        let node = self.0;
        fields.write_repeated_string(1, &node.inputs)?;
        fields.write_repeated_string(2, &node.outputs)?;
        fields.write_string(3, &node.name)?;
        fields.write_string(4, &node.op)?;
        node.attributes.0.iter().try_for_each(|(name, attribute)| {
            fields.write_message(5, &AttributeMessage { name, attribute })
        })
    }
}

/// `AttributeProto`
struct AttributeMessage<'a> {
    name: &'a str,
    attribute: &'a Attribute,
}

impl EncodeMessage for AttributeMessage<'_> {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<W>) -> Done {
        fields.write_string(1, self.name)?;
        let kind = match self.attribute {
            Attribute::Float(value) => {
                fields.write_float(2, *value)?;
                1
            }
            Attribute::Int(value) => {
                fields.write_int64(3, *value)?;
                2
            }
            Attribute::String(value) => {
                fields.write_string(4, value)?;
                3
            }
            Attribute::Tensor(value) => {
                fields.write_message(5, &TensorMessage::of_value("", value))?;
                4
            }
            Attribute::Floats(values) => {
                fields.write_repeated_float(7, values)?;
                6
            }
            Attribute::Ints(values) => {
                fields.write_repeated_int64(8, values)?;
                7
            }
            Attribute::Strings(values) => {
                fields.write_repeated_string(9, values)?;
                8
            }
        };
        fields.write_enum(20, kind)
    }
}

impl EncodeMessage for TensorMessage<'_> {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<W>) -> Done {
        fields.write_repeated_int64(1, &self.dims)?;
        fields.write_int32(2, self.data_type)?;
        fields.write_string(8, &self.name)?;
        fields.write_bytes(9, &self.bytes)
    }
}

impl<'a> TensorMessage<'a> {
    /// A value as it is in memory.
    pub(super) fn of_value(name: &'a str, value: &Value) -> Self {
        let (data_type, bytes) = match value {
            Value::F32(array) => {
                (elem_type(DType::F32), array.iter().flat_map(|x| x.to_le_bytes()).collect())
            }
            Value::I64(array) => {
                (elem_type(DType::I64), array.iter().flat_map(|x| x.to_le_bytes()).collect())
            }
            Value::Bool(array) => {
                (elem_type(DType::Bool), array.iter().map(|&x| u8::from(x)).collect::<Vec<u8>>())
            }
        };
        Self { name: name.into(), dims: dims_of(value.dims()), data_type, bytes: bytes.into() }
    }
}

/// Dimensions as the file has them.
pub(super) fn dims_of(dims: &[usize]) -> Vec<i64> {
    dims.iter().map(|&dim| i64::try_from(dim).unwrap_or(i64::MAX)).collect()
}

/// `ValueInfoProto` of a graph input.
struct InputMessage<'a>(&'a GraphInput);

impl EncodeMessage for InputMessage<'_> {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<W>) -> Done {
        let GraphInput { name, dtype, shape } = self.0;
        fields.write_string(1, name)?;
        let tensor = TensorTypeMessage { elem_type: elem_type(*dtype), shape: Some(shape) };
        fields.write_message(2, &TypeMessage(tensor))
    }
}

/// `ValueInfoProto` of a graph output.
struct OutputMessage<'a> {
    name: &'a str,
    elem_type: i32,
    shape: Option<&'a [Dim]>,
}

impl EncodeMessage for OutputMessage<'_> {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<W>) -> Done {
        fields.write_string(1, self.name)?;
        let tensor = TensorTypeMessage { elem_type: self.elem_type, shape: self.shape };
        fields.write_message(2, &TypeMessage(tensor))
    }
}

/// `TypeProto` of a tensor.
struct TypeMessage<'a>(TensorTypeMessage<'a>);

impl EncodeMessage for TypeMessage<'_> {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<W>) -> Done {
        fields.write_message(1, &self.0)
    }
}

/// `TypeProto.Tensor`
struct TensorTypeMessage<'a> {
    elem_type: i32,
    shape: Option<&'a [Dim]>,
}

impl EncodeMessage for TensorTypeMessage<'_> {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<W>) -> Done {
        fields.write_int32(1, self.elem_type)?;
        self.shape.map_or(Ok(()), |shape| fields.write_message(2, &ShapeMessage(shape)))
    }
}

/// `TensorShapeProto`
struct ShapeMessage<'a>(&'a [Dim]);

impl EncodeMessage for ShapeMessage<'_> {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<W>) -> Done {
        self.0.iter().try_for_each(|dim| fields.write_message(1, &DimMessage(dim)))
    }
}

/// `TensorShapeProto.Dimension`
struct DimMessage<'a>(&'a Dim);

impl EncodeMessage for DimMessage<'_> {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<W>) -> Done {
        match self.0 {
            Dim::Fixed(size) => fields.write_int64(1, i64::try_from(*size).unwrap_or(i64::MAX)),
            Dim::Free(name) => fields.write_string(2, name),
        }
    }
}

/// `TensorProto.DataType`
pub(super) fn elem_type(dtype: DType) -> i32 {
    match dtype {
        DType::F32 => 1,
        DType::U8 => 2,
        DType::I8 => 3,
        DType::U16 => 4,
        DType::I16 => 5,
        DType::I32 => 6,
        DType::I64 => 7,
        DType::Bool => 9,
        DType::F16 => 10,
        DType::F64 => 11,
        DType::U32 => 12,
        DType::U64 => 13,
        DType::BF16 => 16,
        DType::F8E4M3Fn => 17,
        DType::F8E4M3Fnuz => 18,
        DType::F8E5M2 => 19,
        DType::F8E5M2Fnuz => 20,
        DType::F8E8M0 => 24,
    }
}
