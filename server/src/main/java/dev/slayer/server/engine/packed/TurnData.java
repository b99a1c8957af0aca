package dev.slayer.server.engine.packed;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.slayer.server.engine.block.BlockStack;
import dev.slayer.server.engine.block.Turn;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * What a turn needs on the device beside rows and weights.
 *
 * @param all of it, one piece
 * @param metadata bounds that PagedAttention reads on the host; stays as it is while a recording of it lives
 * @param gates factors of attention and MLP, [rows, 1] each
 */
record TurnData(Form form, StepData.Region all, SequenceTables tables, MemorySegment metadata, Optional<Gates> gates) {
    private static final long METADATA_BYTES = 4L * Integer.BYTES;

    /** Where the factors are. */
    record Gates(StepData.Region attention, StepData.Region mlp) {}

    /**
     * Its size.
     *
     * @param padded whether it is pure decoding, rounded up to few forms: the library plans attention anew for each that it has not met
     * @param sequences padding included
     * @param rows padding included
     * @param width columns of the page table
     * @param staged rows that attention is told each sequence may have, where it widens keys and values of so many; 0 where not
     */
    record Form(
            Turn turn,
            PageShape shape,
            PackedOptions options,
            boolean gated,
            boolean padded,
            int sequences,
            int rows,
            int width,
            int staged) {
        static Form of(Turn turn, PageShape shape, PackedOptions options) {
            List<Turn.Member> members = turn.members();
            boolean gated = gated(members);
            boolean padded = options.recordAfter() > 0
                    && turn.rows() == members.size()
                    && Replays.bucket(turn.rows()) <= options.maxSequences();
            int width = SequenceTables.widthOf(turn, shape);
            if (padded) {
                int bucket = Replays.bucket(turn.rows());
                return new Form(turn, shape, options, gated, true, bucket, bucket, Replays.bucket(width), 0);
            }
            int staged = options.quantizesKv() && TurnSplit.stages(turn) ? staged(members) : 0;
            int columns = Math.max(width, shape.pages(staged));
            return new Form(turn, shape, options, gated, false, members.size(), turn.rows(), columns, staged);
        }

        /**
         * A length for all sequences by which together they are nearly a power of two rows: the library's memory for them comes in few
         * sizes then, and it never gives any back.
         */
        private static int staged(List<Turn.Member> members) {
            int longest = members.stream().mapToInt(TurnSplit::rows).max().orElseThrow();
            return Replays.bucket(Math.multiplyExact(members.size(), longest)) / members.size();
        }

        private static boolean gated(List<Turn.Member> members) {
            BlockStack.Stage last = null; // most share one
            for (Turn.Member member : members) {
                if (!member.stage().equals(last)) {
                    last = member.stage();
                    if (gated(last)) {
                        return true;
                    }
                }
            }
            return false;
        }

        private static boolean gated(BlockStack.Stage stage) {
            return !stage.attends() || stage.attention() != 1 || stage.mlp() != 1;
        }

        /** Whether it may be recorded and replayed: factors go to another place in each step. */
        boolean replayable() {
            return padded && !gated && sequences <= Replays.MOST_SEQUENCES;
        }

        private long gateBytes() {
            return (long) rows * options.type().bytes();
        }

        /** Bytes of all its regions. */
        long bytes() {
            return StepData.aligned(SequenceTables.bytes(sequences, width))
                    + StepData.aligned(METADATA_BYTES)
                    + (gated ? 2 * StepData.aligned(gateBytes()) : 0);
        }

        /** @param spare the page in which padding is computed */
        TurnData write(StepData data, int spare) {
            StepData.Region all = data.add(bytes());
            long metadataAt = StepData.aligned(SequenceTables.bytes(sequences, width));
            long gatesAt = metadataAt + StepData.aligned(METADATA_BYTES);
            SequenceTables tables =
                    new SequenceTables(sequences, width, all.slice(0, SequenceTables.bytes(sequences, width)));
            tables.write(turn.members(), shape, spare);
            MemorySegment metadata = all.host().asSlice(metadataAt, (long) options.metadata() * Integer.BYTES);
            writeBounds(metadata);
            Optional<Gates> gates = gated
                    ? Optional.of(new Gates(
                            all.slice(gatesAt, gateBytes()),
                            all.slice(gatesAt + StepData.aligned(gateBytes()), gateBytes())))
                    : Optional.empty();
            gates.ifPresent(this::writeGates);
            return new TurnData(this, all, tables, metadata, gates);
        }

        /** Most new rows of a sequence, most rows that a sequence then has, and a number that the latter is not below. */
        private void writeBounds(MemorySegment metadata) {
            int queries = 1;
            int rowsOfIt = width * shape.rows();
            int least = width > 1 ? width / 2 * shape.rows() + 1 : 1;
            if (!padded) {
                rowsOfIt = 1;
                for (Turn.Member member : turn.members()) {
                    queries = Math.max(queries, member.chunk().count());
                    rowsOfIt = Math.max(rowsOfIt, TurnSplit.rows(member));
                }
                least = rowsOfIt;
                rowsOfIt = Math.max(rowsOfIt, staged);
            }
            int[] bounds = {queries, rowsOfIt, least};
            for (int i = 0; i < options.metadata(); i++) {
                metadata.setAtIndex(JAVA_INT, i, bounds[i]);
            }
        }

        private void writeGates(Gates gates) {
            gates.attention().host().fill((byte) 0); // of padding
            gates.mlp().host().fill((byte) 0);
            int row = 0;
            for (Turn.Member member : turn.members()) {
                BlockStack.Stage stage = member.stage();
                for (int i = 0; i < member.chunk().count(); i++) {
                    Narrow.set(gates.attention().host(), row, options.type(), stage.attends() ? stage.attention() : 0);
                    Narrow.set(gates.mlp().host(), row, options.type(), stage.mlp());
                    row++;
                }
            }
        }
    }

    void bindGates(Binding binding, ElementType type) {
        gates.ifPresent(factors -> binding.input(
                        "attention_gate", type, factors.attention().device(), form.rows(), 1)
                .input("mlp_gate", type, factors.mlp().device(), form.rows(), 1));
    }
}
