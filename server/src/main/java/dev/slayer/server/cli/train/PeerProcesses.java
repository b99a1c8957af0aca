package dev.slayer.server.cli.train;

import dev.slayer.surgery.SlayerException;
import dev.slayer.training.parallel.Meeting;
import dev.slayer.training.run.Peers;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The processes of a run with {@code --nproc}: this one starts the others as it was started itself, and tells them by a variable of the
 * environment who they are and where to meet.
 *
 * @param count how many, this one included
 * @param main class that they run
 * @param options of the command, the recipe excepted
 * @param role what the environment says of this process; null if it is the first
 */
public record PeerProcesses(int count, String main, List<String> options, String role) {
    /** Names the variable: {@code rank/size/port}. */
    public static final String VARIABLE = "SLAYER_TRAIN_PEER";

    public PeerProcesses {
        options = List.copyOf(options);
    }

    /**
     * Processes that have met.
     *
     * @param others those that this one started
     */
    record Team(Peers peers, List<Process> others) implements AutoCloseable {
        Team {
            others = List.copyOf(others);
        }

        /** Ends the connection, and processes that have not ended by then. */
        @Override
        public void close() {
            peers.close();
            others.forEach(Process::destroy);
        }
    }

    /**
     * Starts the others for a recipe and waits until all have met.
     *
     * @param device of the recipe: how they sum depends on it
     */
    Team team(Path recipe, Path run, String device) {
        if (role != null) {
            String[] parts = role.split("/", -1);
            int rank = Integer.parseInt(parts[0]);
            Meeting meeting = Meeting.find(Integer.parseInt(parts[1]), Integer.parseInt(parts[2]));
            return new Team(meeting.join(rank, device), List.of());
        }
        if (count == 1) {
            return new Team(Peers.ALONE, List.of());
        }
        Meeting meeting = Meeting.host(count);
        List<Process> others = new ArrayList<>();
        try {
            for (int rank = 1; rank < count; rank++) {
                others.add(start(rank, meeting.port(), recipe, run));
            }
            return new Team(meeting.join(0, device), others);
        } catch (IOException e) {
            others.forEach(Process::destroy);
            meeting.close();
            throw SlayerException.internal("a process of the run cannot be started: " + e, e);
        } catch (RuntimeException e) {
            others.forEach(Process::destroy);
            meeting.close();
            throw e;
        }
    }

    private Process start(int rank, int port, Path recipe, Path run) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main, "train", recipe.toString()));
        command.addAll(options);
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put(VARIABLE, rank + "/" + count + "/" + port);
        Path log = Files.createDirectories(run.resolve("rank-" + rank)).resolve("log");
        return builder.redirectOutput(log.toFile()).start();
    }
}
