package dev.slayer.server.engine.packed;

import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.Outputs;
import dev.slayer.server.engine.Stack;
import dev.slayer.server.engine.block.BlockStack;
import dev.slayer.server.engine.block.Part;
import dev.slayer.server.engine.block.Turn;
import dev.slayer.surgery.layout.Layout;
import java.util.ArrayList;
import java.util.List;

/** Turns of a block without weights. */
final class Turns {
    private static final Part BLOCK = () -> {};

    private Turns() {}

    /**
     * Sequences one after another.
     *
     * @param attention factor of what attention adds to each
     * @param sequences as [rows before, new rows]
     */
    static Turn of(float attention, List<int[]> sequences) {
        List<Turn.Member> members = new ArrayList<>();
        int row = 0;
        for (int[] sequence : sequences) {
            int end = sequence[0] + sequence[1];
            Chunk chunk = new Chunk(
                    new int[end],
                    sequence[0],
                    sequence[1],
                    Outputs.NONE,
                    Stack.of(Layout.identity(1)),
                    new PackedKv(null, null, 1));
            members.add(new Turn.Member(chunk, row, new BlockStack.Stage(BLOCK, 0, 0, attention, 1)));
            row += sequence[1];
        }
        return new Turn(BLOCK, row, members);
    }
}
