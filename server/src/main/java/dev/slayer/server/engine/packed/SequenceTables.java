package dev.slayer.server.engine.packed;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.block.Turn;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * What PagedAttention has to know of the sequences of a run: where the rows of each begin, how many rows each has already, and in
 * which pages they lie.
 *
 * @param sequences padding included
 * @param width columns of the page table
 * @param data cumulative [sequences + 1], past [sequences] and table [sequences, width], each aligned
 */
record SequenceTables(int sequences, int width, StepData.Region data) {
    /** Bytes that tables of a form take. */
    static long bytes(int sequences, int width) {
        return tableAt(sequences) + (long) sequences * width * Integer.BYTES;
    }

    private static long pastAt(int sequences) {
        return StepData.aligned((sequences + 1L) * Integer.BYTES);
    }

    private static long tableAt(int sequences) {
        return pastAt(sequences) + StepData.aligned((long) sequences * Integer.BYTES);
    }

    /** Columns that the members of a turn need. */
    static int widthOf(Turn turn, PageShape shape) {
        int width = 1;
        for (Turn.Member member : turn.members()) {
            int rows = member.stage().attends()
                    ? member.chunk().end()
                    : member.chunk().count();
            width = Math.max(width, shape.pages(rows));
        }
        return width;
    }

    /**
     * Writes the tables. Sequences beyond the members are padding: one row each, alone in the spare page, where nobody looks. So are
     * those whose attention is off.
     */
    void write(List<Turn.Member> members, PageShape shape, int spare) {
        MemorySegment cumulative = data.host();
        MemorySegment past = data.host().asSlice(pastAt(sequences));
        MemorySegment table = data.host().asSlice(tableAt(sequences));
        int row = 0;
        for (int i = 0; i < sequences; i++) {
            cumulative.setAtIndex(JAVA_INT, i, row);
            boolean real = i < members.size();
            boolean attends = real && members.get(i).stage().attends();
            past.setAtIndex(JAVA_INT, i, attends ? members.get(i).chunk().from() : 0);
            for (int column = 0; column < width; column++) {
                table.setAtIndex(
                        JAVA_INT,
                        (long) i * width + column,
                        attends ? page(members.get(i), column, shape, spare) : spare);
            }
            row += real ? members.get(i).chunk().count() : 1;
        }
        cumulative.setAtIndex(JAVA_INT, sequences, row);
    }

    private static int page(Turn.Member member, int column, PageShape shape, int spare) {
        Chunk chunk = member.chunk();
        return column < shape.pages(chunk.end())
                ? ((PackedKv) chunk.kv()).page(member.stage().kvSlot(), column)
                : spare;
    }

    /** Binds tables of this form that lie somewhere on the device. */
    static void bind(Binding binding, int sequences, int width, DeviceSlice where) {
        binding.input("cumulative", ElementType.INT32, where.slice(0, (sequences + 1L) * Integer.BYTES), sequences + 1L)
                .input(
                        "past",
                        ElementType.INT32,
                        where.slice(pastAt(sequences), (long) sequences * Integer.BYTES),
                        sequences)
                .input(
                        "table",
                        ElementType.INT32,
                        where.slice(tableAt(sequences), (long) sequences * width * Integer.BYTES),
                        sequences,
                        width);
    }
}
