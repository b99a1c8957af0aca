package dev.slayer.training.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.function.Consumer;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.io.api.Converter;
import org.apache.parquet.io.api.GroupConverter;
import org.apache.parquet.io.api.PrimitiveConverter;
import org.apache.parquet.io.api.RecordMaterializer;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.Type;

/** Parquet records as the JSON that JSON Lines would have for them. */
final class ParquetValues extends RecordMaterializer<JsonNode> {
    private static final long NODE_BYTES = 16; // so that endless empty values count, too

    private final int max;
    private final GroupConverter root;
    private JsonNode row;
    private long bytes;
    private String fault;

    ParquetValues(MessageType schema, int max) {
        this.max = max;
        this.root = new ObjectConverter(schema, value -> row = value) {
            @Override
            public void start() {
                bytes = 0;
                fault = null;
                super.start();
            }
        };
    }

    /** What is wrong with the present row, or null. */
    String fault() {
        return fault;
    }

    @Override
    public JsonNode getCurrentRecord() {
        return row;
    }

    @Override
    public GroupConverter getRootConverter() {
        return root;
    }

    private Converter converter(Type type, Consumer<JsonNode> target) {
        if (type.isRepetition(Type.Repetition.REPEATED)) {
            throw new IllegalStateException("column '" + type.getName() + "' repeats outside of a list");
        }
        if (type.isPrimitive()) {
            return new ValueConverter(type.asPrimitiveType(), target);
        }
        GroupType group = type.asGroupType();
        boolean list = LogicalTypeAnnotation.listType().equals(group.getLogicalTypeAnnotation());
        return list ? new ListConverter(group, target) : new ObjectConverter(group, target);
    }

    private boolean counted(long more) {
        bytes += more + NODE_BYTES;
        if (bytes > max) {
            fault = "is larger than " + max + " bytes";
        }
        return fault == null;
    }

    private class ObjectConverter extends GroupConverter {
        private final Converter[] fields;
        private final Consumer<JsonNode> target;
        private ObjectNode node;

        ObjectConverter(GroupType type, Consumer<JsonNode> target) {
            this.target = target;
            this.fields = new Converter[type.getFieldCount()];
            for (int i = 0; i < fields.length; i++) {
                String name = type.getFieldName(i);
                fields[i] = converter(type.getType(i), value -> node.set(name, value));
            }
        }

        @Override
        public Converter getConverter(int field) {
            return fields[field];
        }

        @Override
        public void start() {
            node = JsonNodeFactory.instance.objectNode();
        }

        @Override
        public void end() {
            target.accept(node);
        }
    }

    /** A list in the standard's three levels, or in the two of older writers. */
    private final class ListConverter extends GroupConverter {
        private final Converter repeated;
        private final Consumer<JsonNode> target;
        private ArrayNode node;

        ListConverter(GroupType type, Consumer<JsonNode> target) {
            this.target = target;
            Type child = type.getFieldCount() == 1 ? type.getType(0) : null;
            if (child == null || !child.isRepetition(Type.Repetition.REPEATED)) {
                throw new IllegalStateException("list '" + type.getName() + "' has not one repeated field");
            }
            boolean wrapped = !child.isPrimitive()
                    && child.asGroupType().getFieldCount() == 1
                    && !child.getName().equals("array")
                    && !child.getName().endsWith("_tuple");
            if (wrapped) {
                repeated = new ElementConverter(child.asGroupType().getType(0), this::add);
            } else if (child.isPrimitive()) {
                repeated = new ValueConverter(child.asPrimitiveType(), this::add);
            } else {
                repeated = new ObjectConverter(child.asGroupType(), this::add);
            }
        }

        private void add(JsonNode value) {
            if (counted(0)) {
                node.add(value);
            }
        }

        @Override
        public Converter getConverter(int field) {
            return repeated;
        }

        @Override
        public void start() {
            node = JsonNodeFactory.instance.arrayNode();
        }

        @Override
        public void end() {
            target.accept(node);
        }
    }

    /** The middle level of a list, around an element that may be null. */
    private final class ElementConverter extends GroupConverter {
        private final Converter element;
        private final Consumer<JsonNode> target;
        private JsonNode value;

        ElementConverter(Type type, Consumer<JsonNode> target) {
            this.target = target;
            this.element = converter(type, each -> value = each);
        }

        @Override
        public Converter getConverter(int field) {
            return element;
        }

        @Override
        public void start() {
            value = NullNode.instance;
        }

        @Override
        public void end() {
            target.accept(value);
        }
    }

    private final class ValueConverter extends PrimitiveConverter {
        private final boolean text;
        private final Consumer<JsonNode> target;

        ValueConverter(PrimitiveType type, Consumer<JsonNode> target) {
            this.text = type.getPrimitiveTypeName() == PrimitiveType.PrimitiveTypeName.BINARY;
            this.target = target;
        }

        @Override
        public void addBinary(Binary value) {
            if (!text || !counted(value.length())) {
                return;
            }
            String string = Utf8.text(value.toByteBuffer());
            if (string == null) {
                fault = Utf8.FAULT;
            } else {
                target.accept(TextNode.valueOf(string));
            }
        }

        @Override
        public void addBoolean(boolean value) {
            target.accept(BooleanNode.valueOf(value));
        }

        @Override
        public void addDouble(double value) {
            target.accept(DoubleNode.valueOf(value));
        }

        @Override
        public void addFloat(float value) {
            target.accept(DoubleNode.valueOf(value));
        }

        @Override
        public void addInt(int value) {
            target.accept(LongNode.valueOf(value));
        }

        @Override
        public void addLong(long value) {
            target.accept(LongNode.valueOf(value));
        }
    }
}
