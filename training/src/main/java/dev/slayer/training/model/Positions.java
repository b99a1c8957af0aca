package dev.slayer.training.model;

import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.RopeTable;
import dev.slayer.training.torch.Placement;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
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
    private final boolean asBias;

    /** Positions of rows: from 0 in each row, or in each document where documents do not see each other. */
    Positions(ModelConfig config, Rows rows, Placement placement) {
        this(config, rows, placement, placement.cuda());
    }

    /** @param asBias whether what is not seen is said by a number that is added, and heads that share keys are spread out first */
    Positions(ModelConfig config, Rows rows, Placement placement, boolean asBias) {
        this.config = config;
        this.asBias = asBias;
        RopeTable table = RopeTable.of(config, rows.length());
        Tensor allCos = placement.computing(placement.of(table.cos(), table.rows(), table.pairs()));
        Tensor allSin = placement.computing(placement.of(table.sin(), table.rows(), table.pairs()));
        if (rows.documents() == null) {
            cos = allCos;
            sin = allSin;
        } else {
            Tensor places = placement.of(places(rows), (long) rows.rows() * rows.length());
            long[] shape = {rows.rows(), 1, rows.length(), table.pairs()};
            cos = allCos.index_select(0, places).view(shape);
            sin = allSin.index_select(0, places).view(shape);
        }
        Tensor seen = mask(config, rows, placement);
        mask = seen == null || !asBias ? seen : bias(seen, placement);
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
    private static Tensor mask(ModelConfig config, Rows rows, Placement placement) {
        int window = config.slidingWindow().orElse(Integer.MAX_VALUE);
        boolean windowed = window < rows.length();
        if (rows.documents() == null && !windowed) {
            return null;
        }
        Tensor seen = placement.ones(rows.length(), rows.length()).tril(0);
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
        Tensor numbers = placement.of(documents, rows.rows(), rows.length());
        Tensor same = numbers.unsqueeze(2).eq(numbers.unsqueeze(1)).unsqueeze(1);
        return same.logical_and(allowed);
    }

    /** 0 where a key is seen, minus infinity where it is not, in the type of the computation. */
    private static Tensor bias(Tensor seen, Placement placement) {
        Tensor zeros = placement.computing(placement.zeros(seen.sizes().vec().get()));
        return zeros.masked_fill(seen.logical_not(), new Scalar(Double.NEGATIVE_INFINITY));
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
     * <p>Without a mask libtorch takes its flash kernel on CUDA. With one only its memory-efficient kernel can, which wants as many
     * heads of keys as of queries; otherwise every score of every pair of tokens would be written out.
     *
     * @param queries [rows, heads, length, headDim]
     * @param keys [rows, kvHeads, length, headDim]
     * @param values as keys
     * @return [rows, heads, length, headDim]
     */
    Tensor attend(Tensor queries, Tensor keys, Tensor values) {
        boolean shared = config.heads() != config.kvHeads();
        boolean spread = shared && asBias && mask != null;
        return torch.scaled_dot_product_attention(
                queries,
                spread ? spread(keys) : keys,
                spread ? spread(values) : values,
                mask == null ? new TensorOptional() : new TensorOptional(mask),
                0.0,
                mask == null,
                new DoubleOptional(),
                shared && !spread);
    }

    /** Each head of keys as often as queries share it. */
    private Tensor spread(Tensor x) {
        return x.repeat_interleave(config.heads() / config.kvHeads(), new LongOptional(1), new LongOptional());
    }
}
