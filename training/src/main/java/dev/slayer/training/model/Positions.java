package dev.slayer.training.model;

import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.RopeTable;
import dev.slayer.training.torch.Tensors;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Where the tokens of some rows stand, and which of them see each other: rotary embedding and attention. Made once for a batch,
 * used by all slots.
 */
final class Positions {
    private final ModelConfig config;
    private final Tensor cos;
    private final Tensor sin;
    private final Tensor mask;

    /** Positions of rows: from 0 in each row, or in each document where documents do not see each other. */
    Positions(ModelConfig config, Rows rows) {
        this.config = config;
        RopeTable table = RopeTable.of(config, rows.length());
        Tensor allCos = Tensors.of(table.cos(), table.rows(), table.pairs());
        Tensor allSin = Tensors.of(table.sin(), table.rows(), table.pairs());
        if (rows.documents() == null) {
            cos = allCos;
            sin = allSin;
        } else {
            Tensor places = Tensors.of(places(rows), (long) rows.rows() * rows.length());
            long[] shape = {rows.rows(), 1, rows.length(), table.pairs()};
            cos = allCos.index_select(0, places).view(shape);
            sin = allSin.index_select(0, places).view(shape);
        }
        mask = mask(config, rows);
    }

    /** For each token its place in its document. */
    private static long[] places(Rows rows) {
        long[] places = new long[rows.tokens().length];
        for (int i = 0; i < places.length; i++) {
            boolean first = i % rows.length() == 0 || rows.documents()[i] != rows.documents()[i - 1];
            places[i] = first ? 0 : places[i - 1] + 1;
        }
        return places;
    }

    /** Which keys (last dimension) a query sees, where that is not simply all up to itself; otherwise null. */
    private static Tensor mask(ModelConfig config, Rows rows) {
        int window = config.slidingWindow().orElse(Integer.MAX_VALUE);
        boolean windowed = window < rows.length();
        if (rows.documents() == null && !windowed) {
            return null;
        }
        Tensor seen = torch.ones(new long[] {rows.length(), rows.length()}).tril(0);
        if (windowed) {
            seen = seen.triu(1L - window);
        }
        Tensor allowed = seen.to(torch.ScalarType.Bool).view(1, 1, rows.length(), rows.length());
        if (rows.documents() == null) {
            return allowed;
        }
        long[] documents = new long[rows.documents().length];
        for (int i = 0; i < documents.length; i++) {
            documents[i] = rows.documents()[i];
        }
        Tensor numbers = Tensors.of(documents, rows.rows(), rows.length());
        Tensor same = numbers.unsqueeze(2).eq(numbers.unsqueeze(1)).unsqueeze(1);
        return same.logical_and(allowed);
    }

    /**
     * Turns each head by its position: x cos + rotate(x) sin, where the halves of a head are the two coordinates.
     *
     * @param x [rows, heads, length, headDim]
     */
    Tensor rotate(Tensor x) {
        long half = config.headDim() / 2;
        Tensor first = x.narrow(-1, 0, half);
        Tensor second = x.narrow(-1, half, half);
        Tensor turnedFirst = first.mul(cos).sub(second.mul(sin));
        Tensor turnedSecond = second.mul(cos).add(first.mul(sin));
        return torch.cat(new TensorVector(turnedFirst, turnedSecond), -1);
    }

    /**
     * Attention of every query over the keys that it sees, scaled by the square root of the head's width.
     *
     * @param queries [rows, heads, length, headDim]
     * @param keys [rows, kvHeads, length, headDim]
     * @param values as keys
     * @return [rows, heads, length, headDim]
     */
    Tensor attend(Tensor queries, Tensor keys, Tensor values) {
        return torch.scaled_dot_product_attention(
                queries,
                keys,
                values,
                mask == null ? new TensorOptional() : new TensorOptional(mask),
                0.0,
                mask == null,
                new DoubleOptional(),
                config.heads() != config.kvHeads());
    }
}
