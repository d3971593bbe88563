using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using NativeKubelet.Api.Local;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>version</c>: of this program and of the agent that runs, which an upgrade leaves unlike until it is restarted.</summary>
public sealed class VersionVerb(CliConsole console)
{
    public VerbSpec Spec => new(
        "version", "", "shows the version of this program and of the running agent",
        [
            new("client", '\0', null, "only of this program; asks no agent"),
            VerbSpec.Output,
            VerbSpec.RunDirectory,
        ],
        RunAsync);

    private static string Platform => $"linux/{RuntimeInformation.ProcessArchitecture switch { Architecture.X64 => "amd64", Architecture.Arm64 => "arm64", var other => other.ToString().ToLowerInvariant() }}";

    private async Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        NodeDocument? agent = null;
        string? absent = null;
        try
        {
            if (!call.Has("client")) agent = await AgentClient.For(call).GetAsync("/v1/node", LocalJson.Default.NodeDocument, cancel);
        }
        catch (AgentAbsentException e)
        {
            absent = e.Message;
        }
        string[] parts = KubeletVersion.Text.TrimStart('v').Split('.');
        VersionDocument document = new(
            new(parts[0], parts[1], KubeletVersion.Text, Platform),
            agent is null ? null : new(agent.Version, agent.Name, agent.Pid, agent.StartedAt, agent.Runtime, agent.CgroupMode, agent.CgroupDriver));
        if (call.Has("output")) JsonOutput.Print(JsonSerializer.SerializeToUtf8Bytes(document, VersionJson.Default.VersionDocument), call, console.Out);
        else
        {
            console.Out.WriteLine($"Client Version: {KubeletVersion.Text} {Platform}");
            if (agent is not null)
                console.Out.WriteLine(CliConsole.Clean($"Agent Version: {agent.Version} pid {agent.Pid}, up {Units.Age(console.Time.GetUtcNow() - agent.StartedAt)}, {agent.Runtime}, cgroups {agent.CgroupMode} by {agent.CgroupDriver}"));
            console.Out.Flush();
            if (absent is not null) console.Error.WriteLine(CliConsole.Clean(absent));
            else if (agent is not null && agent.Version != KubeletVersion.Text) console.Error.WriteLine("the agent is of another version than this program: restart it to bring it up to date; pods run on");
        }
        return 0;
    }
}

/// <summary><c>version -o json</c>. Fields are only ever added.</summary>
/// <param name="AgentVersion">Null where no agent answers, or none was asked.</param>
internal sealed record VersionDocument(ClientVersion ClientVersion, AgentVersion? AgentVersion);

/// <summary>The names are kubectl's.</summary>
internal sealed record ClientVersion(string Major, string Minor, string GitVersion, string Platform);

internal sealed record AgentVersion(string GitVersion, string Node, int Pid, DateTimeOffset StartedAt, string Runtime, string CgroupMode, string CgroupDriver);

[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(VersionDocument))]
internal sealed partial class VersionJson : JsonSerializerContext;
