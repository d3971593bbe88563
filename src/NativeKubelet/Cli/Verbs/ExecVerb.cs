using NativeKubelet.Api.Local;
using NativeKubelet.Cli.Streams;
using NativeKubelet.Linux.Terminals;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>exec</c>: one more process in a running container. Its exit code is the verb's.</summary>
public sealed class ExecVerb(CliConsole console, ConsoleEnds ends)
{
    public VerbSpec Spec => new(
        "exec", "POD [-c CONTAINER] -- COMMAND [ARG…]", "runs a command in a container; its exit code is this verb's",
        [
            VerbSpec.Container,
            new("stdin", 'i', null, "pass the standard input on"),
            new("tty", 't', null, "give the command a terminal"),
            VerbSpec.Namespace,
            VerbSpec.RunDirectory,
        ],
        RunAsync)
    {
        Words = [WordKind.Pod],
    };

    private async Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        string typed = call.Operand(0, "the pod's name");
        if (call.Rest.IsEmpty) throw new UsageException(call.Verb, "a command is missing: write it behind --");
        AgentClient agent = AgentClient.For(call);
        ContainerDocument container = await RunningContainer.FindAsync(agent, call, typed, console, cancel);
        bool terminal = call.Has("tty");
        if (terminal && call.Has("stdin") && !Terminal.IsTerminal(ends.In))
            console.Error.WriteLine("the input is no terminal: its size and keys stay as they are");
        StreamRequest request = new("exec", container.Id, [.. call.Rest], terminal, In: call.Has("stdin"), Out: true, Error: true);
        return await new StreamClient(agent, ends, console.Time).RunAsync(request, terminal, cancel);
    }
}

/// <summary><c>attach</c>: the container's own output from here on, and its input if it has one.</summary>
public sealed class AttachVerb(CliConsole console, ConsoleEnds ends)
{
    public VerbSpec Spec => new(
        "attach", "POD [-c CONTAINER]", "joins a container's own input and output; Ctrl-P Ctrl-Q leaves a terminal",
        [
            VerbSpec.Container,
            new("stdin", 'i', null, "pass the standard input on, if the container takes one"),
            new("tty", 't', null, "the container has a terminal: send keys as they are pressed"),
            VerbSpec.Namespace,
            VerbSpec.RunDirectory,
        ],
        RunAsync)
    {
        Words = [WordKind.Pod],
    };

    private async Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        AgentClient agent = AgentClient.For(call);
        ContainerDocument container = await RunningContainer.FindAsync(agent, call, call.Operand(0, "the pod's name"), console, cancel);
        bool input = call.Has("stdin"), terminal = call.Has("tty") && container.Tty;
        if (call.Has("tty") && !container.Tty) console.Error.WriteLine(CliConsole.Clean($"container {container.Name} has no terminal; going on without one"));
        if (input && !container.Stdin) throw new VerbException($"container {container.Name} takes no input: its manifest has no stdin: true");
        // A container with a terminal has one output.
        StreamRequest request = new("attach", container.Id, [], terminal, In: input, Out: true, Error: !container.Tty);
        return await new StreamClient(agent, ends, console.Time).RunAsync(request, terminal, cancel);
    }
}

/// <summary>The container that a person means, if it runs.</summary>
internal static class RunningContainer
{
    public static async Task<ContainerDocument> FindAsync(AgentClient agent, VerbCall call, string typed, CliConsole console, CancellationToken cancel)
    {
        PodListDocument list = await agent.GetAsync("/v1/pods", LocalJson.Default.PodListDocument, cancel);
        PodDocument pod = PodChoice.Pod(list.Pods, typed, call.TryGet("namespace"));
        ContainerDocument container = PodChoice.Container(pod, call.TryGet("container"), out string? note);
        if (note is not null) console.Error.WriteLine(CliConsole.Clean(note));
        return container.State == "running" && container.Id.Length > 0
            ? container
            : throw new VerbException($"container {container.Name} of pod {pod.Namespace}/{pod.Name} does not run: {container.State}"
                + (container.Reason.Length > 0 ? $" ({container.Reason})" : "") + $"; 'nativekubelet describe {pod.Name}' tells more");
    }
}
