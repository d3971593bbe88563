using System.Globalization;
using System.Text.Json;
using NativeKubelet.Api.Local;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>events</c>: what the agent did and what went wrong, oldest first.</summary>
public sealed class EventsVerb(CliConsole console)
{
    private const int ReasonWidth = 24, AboutWidth = 40;

    public VerbSpec Spec => new(
        "events", "[POD]", "shows what happened on this node",
        [
            new("follow", 'f', null, "go on and show what happens"),
            VerbSpec.Namespace,
            new("output", 'o', "FORMAT", "json or yaml instead of a table; with -f one line of JSON per event") { Choices = ["json", "yaml"] },
            VerbSpec.RunDirectory,
        ],
        RunAsync)
    {
        Words = [WordKind.Pod],
    };

    /// <summary>True for an event of the pod that is meant: by its name, the beginning of it, or NAMESPACE/NAME. The pod may be gone by now.</summary>
    internal static bool IsAbout(EventDocument e, string? typed, string? space)
    {
        if (e.About.Split('/', 3) is not ["pod", var own, var name]) return typed is null && space is null;
        if (typed?.Split('/', 2) is [var before, var after]) (space, typed) = (before, after);
        return (space is null || own == space) && (typed is null || name.StartsWith(typed, StringComparison.Ordinal));
    }

    private async Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        AgentClient agent = AgentClient.For(call);
        string? typed = call.Operands.IsEmpty ? null : call.Operands[0], space = call.TryGet("namespace");
        string format = call.Get("output", "");
        if (call.Has("follow"))
        {
            if (format == "yaml") throw new UsageException(call.Verb, "-f has no YAML; use -o json");
            await FollowAsync(agent, format, e => IsAbout(e, typed, space), cancel);
            return 0;
        }
        EventListDocument all = await agent.GetAsync("/v1/events", LocalJson.Default.EventListDocument, cancel);
        EventListDocument chosen = new([.. all.Events.Where(e => IsAbout(e, typed, space))]);
        if (format.Length > 0) JsonOutput.Print(JsonSerializer.SerializeToUtf8Bytes(chosen, LocalJson.Default.EventListDocument), call, console.Out);
        else if (chosen.Events.Count == 0) console.Error.WriteLine("no events");
        else
        {
            Table table = new("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE");
            foreach (EventDocument e in chosen.Events) table.Add(Units.Age(console.Time.GetUtcNow() - e.Last), e.Type, e.Reason, e.About, Message(e));
            table.Print(console.Out);
            console.Out.Flush();
        }
        return 0;
    }

    private async Task FollowAsync(AgentClient agent, string format, Func<EventDocument, bool> chosen, CancellationToken cancel)
    {
        await foreach (EventListDocument news in agent.LinesAsync("GET", "/v1/events?watch", LocalJson.Default.EventListDocument, cancel))
        {
            // The widths of what is still to come are not known.
            foreach (EventDocument e in news.Events.Where(chosen))
                console.Out.WriteLine(format == "json"
                    ? JsonSerializer.Serialize(e, LocalJson.Default.EventDocument)
                    : CliConsole.Clean($"{e.Last.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture)}  {e.Type,-7}  {e.Reason.PadRight(ReasonWidth)}  {e.About.PadRight(AboutWidth)}  {Message(e)}"));
            console.Out.Flush();
        }
    }

    private static string Message(EventDocument e) =>
        (e.Container.Length > 0 ? $"{e.Container}: " : "") + e.Message + (e.Count > 1 ? $" (x{e.Count})" : "");
}
