using System.Text.Json;
using NativeKubelet.Api.Local;
using NativeKubelet.Composition;
using NativeKubelet.Config;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>config</c>: the configuration in force and where each value comes from; of the running agent, or of files and flags that are to be tried.</summary>
public sealed class ConfigVerb(CliConsole console)
{
    private const int MostOfValue = 60;

    public VerbSpec Spec => new(
        "config", "[-- KUBELET-FLAG…]", "shows the configuration in force and where each value comes from",
        [
            new("config", '\0', "FILE", "of this file, not of the running agent; further flags come after --") { Kind = WordKind.File },
            new("changed", '\0', null, "only what is no default"),
            new("output", 'o', "FORMAT", "json, yaml, or file: what --config takes, every default filled in") { Choices = ["json", "yaml", "file"] },
            VerbSpec.RunDirectory,
        ],
        RunAsync);

    private async Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        if (!call.Operands.IsEmpty) throw new UsageException(call.Verb, $"unexpected word \"{call.Operands[0]}\"; a file comes after --config, flags of the agent after --");
        string[] flags = [.. call.TryGet("config") is { } file ? [$"--config={file}"] : (string[])[], .. call.Rest];
        ConfigDocument config = flags.Length > 0 ? Resolve(flags) : await AskAsync(call, cancel);
        foreach (string warning in config.Warnings) console.Error.WriteLine(CliConsole.Clean($"warning: {warning}"));
        switch (call.TryGet("output"))
        {
            case "file":
                JsonOutput.Print(config.Configuration, "yaml", console.Out);
                break;
            case { } format:
                JsonOutput.Print(JsonSerializer.SerializeToElement(config, LocalJson.Default.ConfigDocument), format, console.Out);
                break;
            default:
                PrintTable(call.Has("changed") ? config.Fields.Where(f => f.Origin != "default") : config.Fields);
                break;
        }
        return 0;
    }

    private static ConfigDocument Resolve(string[] flags)
    {
        try
        {
            return ConfigReport.Of(OptionsResolver.Resolve(FlagParser.Parse(flags), NodeAgent.UsualDriver));
        }
        catch (ConfigException e)
        {
            throw new VerbException($"the agent would not start: {e.Message}");
        }
    }

    private static async Task<ConfigDocument> AskAsync(VerbCall call, CancellationToken cancel)
    {
        try
        {
            return await AgentClient.For(call).GetAsync("/v1/config", LocalJson.Default.ConfigDocument, cancel);
        }
        catch (AgentAbsentException e)
        {
            throw new VerbException($"{e.Message}; or see what it would have: 'nativekubelet config --config FILE', with further flags after --");
        }
    }

    private void PrintTable(IEnumerable<ConfigFieldDocument> fields)
    {
        Table table = new("NAME", "VALUE", "FROM");
        foreach (ConfigFieldDocument field in fields)
            table.Add(
                field.Name, field.Value.Length == 0 ? "-" : field.Value.Length > MostOfValue ? field.Value[..(MostOfValue - 1)] + "…" : field.Value,
                field.Where.Length > 0 ? field.Where : field.Origin);
        table.Print(console.Out);
        console.Out.Flush();
    }
}
