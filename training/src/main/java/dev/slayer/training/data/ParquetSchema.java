package dev.slayer.training.data;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.parquet.format.ConvertedType;
import org.apache.parquet.format.FieldRepetitionType;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Types;

/** The footer's flat list of schema elements as a tree. Of annotations only lists are kept; the bytes of texts are judged as they come. */
final class ParquetSchema {
    private static final int MAX_ELEMENTS = 10_000;
    private static final int MAX_DEPTH = 32;

    /** Fields of all formats; other columns, such as embeddings, are not read. */
    private static final Set<String> FIELDS = FieldMapping.FIELDS;

    private final List<SchemaElement> elements;
    private int at;

    private ParquetSchema(List<SchemaElement> elements) {
        this.elements = elements;
    }

    static MessageType of(List<SchemaElement> elements) throws IOException {
        if (elements.isEmpty() || elements.size() > MAX_ELEMENTS) {
            throw new IOException("its schema has " + elements.size() + " elements; allowed are 1 to " + MAX_ELEMENTS);
        }
        ParquetSchema schema = new ParquetSchema(elements);
        SchemaElement root = schema.elements.get(schema.at++);
        return new MessageType(root.getName(), schema.fields(root, 0));
    }

    /** The columns that formats know. */
    static MessageType projection(MessageType schema) throws IOException {
        List<Type> wanted = schema.getFields().stream()
                .filter(field -> FIELDS.contains(field.getName()))
                .toList();
        if (wanted.isEmpty()) {
            throw new IOException("it has none of the columns " + String.join(", ", FIELDS));
        }
        return new MessageType(schema.getName(), wanted);
    }

    private List<Type> fields(SchemaElement parent, int depth) throws IOException {
        int count = parent.getNum_children();
        if (depth > MAX_DEPTH || count < 1 || count > elements.size() - at) {
            throw new IOException("its schema claims " + count + " children at depth " + depth);
        }
        List<Type> fields = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            if (at >= elements.size()) {
                throw new IOException("its schema ends early");
            }
            fields.add(field(elements.get(at++), depth + 1));
        }
        return fields;
    }

    private Type field(SchemaElement element, int depth) throws IOException {
        FieldRepetitionType repetition = element.getRepetition_type();
        if (repetition == null || element.getName() == null) {
            throw new IOException("its schema has an element without a name or repetition");
        }
        Type.Repetition repeated = Type.Repetition.valueOf(repetition.name());
        if (element.isSetType()) {
            PrimitiveType.PrimitiveTypeName type =
                    PrimitiveType.PrimitiveTypeName.valueOf(PrimitiveNames.of(element.getType()));
            return Types.primitive(type, repeated)
                    .length(element.getType_length())
                    .named(element.getName());
        }
        boolean list = element.getConverted_type() == ConvertedType.LIST
                || (element.isSetLogicalType() && element.getLogicalType().isSetLIST());
        Types.GroupBuilder<GroupType> group =
                Types.buildGroup(repeated).addFields(fields(element, depth).toArray(Type[]::new));
        return (list ? group.as(LogicalTypeAnnotation.listType()) : group).named(element.getName());
    }

    /** The file format's names for types, which the schema's differ from in one case. */
    private static final class PrimitiveNames {
        static String of(org.apache.parquet.format.Type type) {
            return switch (type) {
                case BYTE_ARRAY -> "BINARY";
                case BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, FIXED_LEN_BYTE_ARRAY -> type.name();
            };
        }
    }
}
