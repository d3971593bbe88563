using NativeKubelet.Cli;
using NativeKubelet.Cli.Completion;
using NativeKubelet.Core.Pods;
using NativeKubelet.Tests.Unit.App.Server.Local;

namespace NativeKubelet.Tests.Unit.App.Cli;

public sealed class CompletionsTests
{
    private static readonly VerbTable Verbs = VerbTable.OfProgram(new CliConsole(Stream.Null, TextWriter.Null, TimeProvider.System));

    [Theory]
    [InlineData("lo", "logs")]
    [InlineData("i", "images import install")]
    [InlineData("ps -o ", "wide json yaml name")]
    [InlineData("ps --output=j", "json")]
    [InlineData("ps -wo y", "yaml")]
    [InlineData("logs web --ta", "--tail")]
    [InlineData("run --until ", "ready done")]
    [InlineData("completion ", "bash zsh fish")]
    [InlineData("help lo", "logs")]
    [InlineData("help fl", "flags")]
    [InlineData("exec web -- l", "")]
    [InlineData("no-such-verb ", "")]
    [InlineData("--pod-man", "--pod-manifest-path=")]
    [InlineData("--config=/x --take", "--take-over")]
    public void Words_that_fit_are_offered(string typed, string expected) =>
        Assert.Equal(expected.Split(' ', StringSplitOptions.RemoveEmptyEntries), Of(typed).Candidates.Select(c => c.Word));

    [Theory]
    [InlineData("logs ", WordKind.Pod)]
    [InlineData("logs -f we", WordKind.Pod)]
    [InlineData("logs --tail 3 we", WordKind.Pod)]
    [InlineData("logs web ", WordKind.Container)]
    [InlineData("exec -it web -c ", WordKind.Container)]
    [InlineData("exec web --container=", WordKind.Container)]
    [InlineData("ps a b ", WordKind.Pod)]
    [InlineData("ps -n ", WordKind.Namespace)]
    [InlineData("rmi a ", WordKind.Image)]
    [InlineData("logs web main ", WordKind.Text)]
    public void What_the_node_knows_is_asked_for_by_kind(string typed, WordKind wanted) => Assert.Equal(wanted, Of(typed).Wanted);

    [Theory]
    [InlineData("run ", WordKind.File)]
    [InlineData("run a.yaml ", WordKind.File)]
    [InlineData("ps --run-dir ", WordKind.Directory)]
    [InlineData("install --root=/im", WordKind.Directory)]
    [InlineData("--config=/et", WordKind.File)]
    [InlineData("ps ", WordKind.Text)]
    public void Files_are_left_to_the_shell(string typed, WordKind files) => Assert.Equal(files, Of(typed).Files);

    [Fact]
    public async Task Pods_and_containers_are_those_of_the_agent()
    {
        await using FakeNode node = new FakeNode().Start();
        node.Publish("web-node1", "default", new Running(FakeNode.T0), "main", "side");
        node.Publish("dns", "kube-system");

        string[] at = ["--run-dir", node.Run];
        Assert.Equal((string[])["web-node1", "kube-system/dns"], await OfferedAsync(node, ["logs", .. at, ""]));
        Assert.Equal((string[])["main", "side"], await OfferedAsync(node, ["logs", .. at, "web", ""]));
        Assert.Equal((string[])["--container=side"], await OfferedAsync(node, ["exec", .. at, "web", "--container=s"]));
        Assert.Equal((string[])["default", "kube-system"], await OfferedAsync(node, ["ps", .. at, "-n", ""]));
        Assert.Equal((string[])[], await OfferedAsync(node, ["logs", "--run-dir", "/no/such/directory", ""]));
    }

    private static async Task<string[]> OfferedAsync(FakeNode node, string[] words)
    {
        VerbRun run = await VerbRun.Of(node, ["__complete", "--", .. words]);
        return [.. run.Out.Split('\n').Where(l => !l.StartsWith(':') && l.Length > 0).Select(l => l.Split('\t')[0])];
    }

    private static CompletionAnswer Of(string typed) => Completions.Of(Verbs, typed.Split(' '));
}
