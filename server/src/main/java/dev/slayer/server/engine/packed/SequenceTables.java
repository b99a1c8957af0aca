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
            width = Math.max(width, shape.pages(TurnSplit.rows(member)));
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
            int pages = 0;
            int before = 0;
            if (i < members.size()) {
                Turn.Member member = members.get(i);
                Chunk chunk = member.chunk();
                row += chunk.count();
                if (member.stage().attends()) {
                    before = chunk.from();
                    pages = shape.pages(chunk.end());
                    ((PackedKv) chunk.kv()).copyPages(member.stage().kvSlot(), pages, table, (long) i * width);
                }
            } else {
                row++;
            }
            past.setAtIndex(JAVA_INT, i, before);
            for (int column = pages; column < width; column++) {
                table.setAtIndex(JAVA_INT, (long) i * width + column, spare);
            }
        }
        cumulative.setAtIndex(JAVA_INT, sequences, row);
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
