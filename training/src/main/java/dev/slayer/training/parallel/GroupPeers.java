package dev.slayer.training.parallel;

import dev.slayer.surgery.SlayerException;
import dev.slayer.training.run.Peers;
import dev.slayer.training.torch.Placement;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Backend;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Work;

/** Processes that sum by one of libtorch's process groups. If one goes, the next sum of the others fails. The training thread only. */
final class GroupPeers implements Peers {
    private final Meeting meeting;
    private final int rank;
    private final Backend group;
    private final Placement placement;

    /** @param placement where the group sums */
    GroupPeers(Meeting meeting, int rank, Backend group, Placement placement) {
        this.meeting = meeting;
        this.rank = rank;
        this.group = group;
        this.placement = placement;
    }

    static String firstLine(RuntimeException e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    @Override
    public int rank() {
        return rank;
    }

    @Override
    public int size() {
        return meeting.size();
    }

    @Override
    public void sum(Tensor vector) {
        try (PointerScope _ = new PointerScope()) {
            Work work = group.allreduce(new TensorVector(vector));
            if (!work._wait()) {
                throw new IllegalStateException("the sum was not made");
            }
        } catch (RuntimeException e) {
            throw new SlayerException(
                    500,
                    "peer_lost",
                    "nproc",
                    "another process of this run is gone: " + firstLine(e) + "; go on from the last checkpoint",
                    e);
        }
    }

    @Override
    public double sum(double value) {
        try (PointerScope _ = new PointerScope()) {
            Tensor one = placement.of(new double[] {value});
            sum(one);
            return one.item_double();
        }
    }

    @Override
    public void close() {
        group.close();
        meeting.close();
    }
}
