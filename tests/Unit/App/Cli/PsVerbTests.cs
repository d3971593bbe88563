using System.Text.Json;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Pods;
using NativeKubelet.Tests.Unit.App.Server.Local;

namespace NativeKubelet.Tests.Unit.App.Cli;

public sealed class PsVerbTests
{
    [Fact]
    public async Task Pods_stand_in_a_table()
    {
        await using FakeNode node = new FakeNode().Start();
        node.Publish("web");
        node.Publish("dns", "kube-system", new Waiting("ImagePullBackOff", ""), "a", "b");

        VerbRun run = await VerbRun.Of(node, "ps");

        Assert.Equal("""
            NAMESPACE    NAME  READY  STATUS            RESTARTS  AGE
            default      web   1/1    Running           2         5m
            kube-system  dns   0/2    ImagePullBackOff  4         5m

            """, run.Out);
        Assert.Equal((0, ""), (run.Code, run.Error));
    }

    [Theory]
    [InlineData("web\nkube-system/dns\n", "ps", "-o", "name")]
    [InlineData("web\n", "ps", "-o", "name", "-n", "default")]
    [InlineData("kube-system/dns\n", "ps", "-o", "name", "kube-system/d")]
    public async Task Names_are_printed_as_the_verbs_take_them(string expected, params string[] words)
    {
        await using FakeNode node = new FakeNode().Start();
        node.Publish("web");
        node.Publish("dns", "kube-system");

        Assert.Equal(expected, (await VerbRun.Of(node, words)).Out);
    }

    [Fact]
    public async Task Broken_manifests_are_told_beside_the_table()
    {
        await using FakeNode node = new FakeNode().Start();
        node.Publish("web");
        node.Problems = [new("web.yaml", 1, 12, "spec.containers", "Required value", ProblemSeverity.Error, StandIn: true), new("x", 0, 0, "", "only a warning", ProblemSeverity.Warning)];

        Assert.Equal("! web.yaml:12: spec.containers: Required value (its last valid content runs on)\n", (await VerbRun.Of(node, "ps")).Error);
    }

    [Fact]
    public async Task Json_and_yaml_are_the_whole_objects()
    {
        await using FakeNode node = new FakeNode().Start();
        node.Publish("web");
        node.Publish("dns", "kube-system");

        using JsonDocument json = JsonDocument.Parse((await VerbRun.Of(node, "ps", "-o", "json", "-n", "kube-system")).Out);
        string yaml = (await VerbRun.Of(node, "ps", "-o", "yaml", "web")).Out;

        Assert.Equal(["dns"], json.RootElement.GetProperty("items").EnumerateArray().Select(i => i.GetProperty("metadata").GetProperty("name").GetString()));
        Assert.StartsWith("""
            apiVersion: v1
            items:
            - apiVersion: v1
              kind: Pod
              metadata:
                name: web
                namespace: default
            """, yaml, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Control_characters_from_outside_never_reach_the_terminal()
    {
        await using FakeNode node = new FakeNode().Start();
        node.Publish("web", "default", new Waiting("\e]0;owned\a\u202Egnp", ""));

        string text = (await VerbRun.Of(node, "ps")).Out;

        Assert.DoesNotContain(text, c => char.IsControl(c) && c != '\n' || c == '\u202E');
        Assert.Contains("owned", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_an_agent_the_way_to_one_is_told()
    {
        await using FakeNode node = new();

        VerbRun run = await VerbRun.Of(node, "ps");

        Assert.Equal((1, ""), (run.Code, run.Out));
        Assert.StartsWith("nativekubelet ps: no agent answers at ", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("unknown option --bogus", "ps", "--bogus")]
    [InlineData("--output is wide or json or yaml or name, not", "ps", "-o", "xml")]
    [InlineData("pod's name is missing", "logs")]
    [InlineData("whole number", "logs", "web", "--tail", "many")]
    [InlineData("duration or a date", "logs", "web", "--since", "yesterday")]
    public async Task Misuse_is_told_in_one_line_and_ends_with_2(string expected, params string[] words)
    {
        await using FakeNode node = new FakeNode().Start();

        VerbRun run = await VerbRun.Of(node, words);

        Assert.Equal(2, run.Code);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd('\n').Split('\n'));
    }
}
