using System.Text.Json;
using NativeKubelet.Cli;
using NativeKubelet.Tests.Unit.App.Server.Local;

namespace NativeKubelet.Tests.Unit.App.Cli;

public sealed class ProgramVerbsTests
{
    [Fact]
    public async Task Help_lists_every_verb_that_is_for_people_and_tells_about_one()
    {
        await using FakeNode node = new();
        string help = (await VerbRun.Of(node, "help")).Out;
        foreach (VerbSpec verb in VerbTable.OfProgram(new CliConsole(Stream.Null, TextWriter.Null, TimeProvider.System)).All)
            Assert.Equal(verb.Group.Length > 0, help.Contains($"\n  {verb.Name} ", StringComparison.Ordinal));
        Assert.Equal((await VerbRun.Of(node, "logs", "--help")).Out, (await VerbRun.Of(node, "help", "logs")).Out);
        Assert.Contains("--pod-manifest-path TEXT", (await VerbRun.Of(node, "help", "flags")).Out, StringComparison.Ordinal);
        Assert.Equal(2, (await VerbRun.Of(node, "help", "podz")).Code);
    }

    [Fact]
    public async Task The_version_is_this_programs_and_the_agents()
    {
        await using FakeNode node = new FakeNode().Start();
        VerbRun table = await VerbRun.Of(node, "version");
        Assert.Contains("Client Version: v1.36.2 linux/", table.Out, StringComparison.Ordinal);
        Assert.Contains("Agent Version: v1.36.2 pid 1, up 5m, runc 1.1.5, cgroups v2 by cgroupfs", table.Out, StringComparison.Ordinal);
        using JsonDocument json = JsonDocument.Parse((await VerbRun.Of(node, "version", "-o", "json")).Out);
        Assert.Equal("36", json.RootElement.GetProperty("clientVersion").GetProperty("minor").GetString());
        Assert.Equal("n1", json.RootElement.GetProperty("agentVersion").GetProperty("node").GetString());
        Assert.DoesNotContain("agentVersion", (await VerbRun.Of(node, "version", "--client", "-o", "json")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_an_agent_the_version_is_told_and_how_to_start_one()
    {
        await using FakeNode node = new();
        VerbRun run = await VerbRun.Of(node, "version");
        Assert.Equal(0, run.Code);
        Assert.Contains("Client Version: v1.36.2", run.Out, StringComparison.Ordinal);
        Assert.Contains("systemctl start kubelet", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    public async Task Each_shells_script_asks_the_program_itself(string shell)
    {
        await using FakeNode node = new();
        VerbRun run = await VerbRun.Of(node, "completion", shell);
        Assert.Equal(0, run.Code);
        Assert.Contains("__complete --", run.Out, StringComparison.Ordinal);
        Assert.DoesNotContain('\r', run.Out);
    }
}
