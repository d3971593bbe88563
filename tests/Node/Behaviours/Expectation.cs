using System.Diagnostics;
using System.Text.Json.Nodes;
using NativeKubelet.Tests.Node.Agent;

namespace NativeKubelet.Tests.Node.Behaviours;

/// <summary>What a row says of its pod. Each part answers what it found instead, or nothing where it holds.</summary>
public sealed class Expectation(Behaviour row, JsonObject expected)
{
    /// <returns>What does not hold (yet); empty when all does.</returns>
    public async Task<IReadOnlyList<string>> UnmetAsync(TopicNode node)
    {
        List<string> unmet = [];
        JsonObject wanted = row.InPlace(expected, node.Host);
        if (wanted["refused"] is { } refused) Same("refused", Lines(refused), await node.ProblemsAsync(row, "error"), unmet);
        if (wanted["warned"] is { } warned) Same("warned", Lines(warned), await node.ProblemsAsync(row, "warning"), unmet);
        string[] ofNode = ["refused", "warned", "host"];
        if (wanted.Any(part => !ofNode.Contains(part.Key)))
        {
            if (await node.FindAsync(row) is { } pod) await PodAsync(wanted, node, new ShownPod(pod), unmet);
            else unmet.Add("the node has no such pod");
        }
        if (unmet.Count == 0 && wanted["host"] is { } command) Host((string)command!, unmet);
        return unmet;
    }

    private static async Task PodAsync(JsonObject wanted, TopicNode node, ShownPod pod, List<string> unmet)
    {
        string first = pod.FirstContainer;
        foreach ((string part, JsonNode? value) in wanted)
            switch (part)
            {
                case "phase": Same(part, (string)value!, pod.Phase, unmet); break;
                case "pod": unmet.AddRange(Difference(value, pod.Object, "pod")); break;
                case "status": unmet.AddRange(Difference(value, pod.Object["status"], "status")); break;
                case "conditions":
                    foreach ((string type, JsonNode? state) in value!.AsObject()) Same(type, (string)state!, pod.Condition(type), unmet);
                    break;
                case "containers":
                    foreach ((string name, JsonNode? of) in value!.AsObject()) Container(pod, name, of!.AsObject(), node, unmet);
                    break;
                case "events":
                    string[] events = await node.EventsAsync(pod);
                    foreach (string said in Lines(value!))
                        if (!events.Any(e => e.Contains(said, StringComparison.Ordinal))) unmet.Add($"no event \"{said}\" among {string.Join(" | ", events)}");
                    break;
                case "exec" when unmet.Count == 0: Exec(node.Host, pod, value!.AsObject(), unmet); break;
                case "exec" or "refused" or "warned" or "host": break;
                default: Container(pod, first, new JsonObject { [part] = value!.DeepClone() }, node, unmet); break;
            }
    }

    private static void Container(ShownPod pod, string name, JsonObject of, TopicNode node, List<string> unmet)
    {
        int before = unmet.Count;
        foreach ((string part, JsonNode? value) in of)
            switch (part)
            {
                case "state": Same($"{name}: state", (string)value!, pod.State(name).Kind, unmet); break;
                case "exit": Same($"{name}: exit", $"{value}", $"{pod.State(name).Body?["exitCode"]}", unmet); break;
                case "reason": Same($"{name}: reason", (string)value!, $"{pod.State(name).Body?["reason"]}", unmet); break;
                case "message": Holds($"{name}: message", (string)value!, $"{pod.State(name).Body?["message"]}", unmet); break;
                case "last": unmet.AddRange(Difference(value, pod.Status(name)?["lastState"]?["terminated"], $"{name}: last")); break;
                case "restarts": Same($"{name}: restarts", $"{value}", $"{pod.Status(name)?["restartCount"]}", unmet); break;
                case "ready": Same($"{name}: ready", $"{value}", $"{pod.Status(name)?["ready"]}", unmet); break;
                case "started": Same($"{name}: started", $"{value}", $"{pod.Status(name)?["started"]}", unmet); break;
                case "log": Same($"{name}: log", ((string)value!).TrimEnd('\n'), pod.Log(name, node.Host).TrimEnd('\n'), unmet); break;
                case "says": Holds($"{name}: log", (string)value!, pod.Log(name, node.Host), unmet); break;
                default: throw new FormatException($"{part} is nothing that a row can expect");
            }
        // Why it is not so is in the rest of its state, most times.
        if (unmet.Count > before) unmet.Add($"{name} is {pod.State(name).Kind} {pod.State(name).Body?.ToJsonString()}");
    }

    private static void Exec(AgentHost node, ShownPod pod, JsonObject exec, List<string> unmet)
    {
        string[] command = [.. exec["command"]!.AsArray().Select(w => (string)w!)];
        string container = (string?)exec["container"] ?? pod.FirstContainer;
        string said = Run(ProgramFile.Path, ["exec", "--run-dir", node.RunDirectory, "-n", pod.Namespace, "-c", container, pod.Name, "--", .. command], out int code);
        if (exec["says"] is { } words) Same("exec", (string)words!, said.TrimEnd('\n'), unmet);
        Same("exec: exit", $"{exec["exit"] ?? 0}", $"{code}", unmet);
    }

    private static void Host(string command, List<string> unmet)
    {
        string said = Run("/bin/sh", ["-c", command], out int code);
        if (code != 0) unmet.Add($"on the machine: {command} ended with {code}: {said}");
    }

    internal static string Run(string program, IEnumerable<string> arguments, out int code)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        code = process.ExitCode;
        return said + errors.GetAwaiter().GetResult();
    }

    /// <summary>Every field that is wanted is there with that value; lists match item by item, of the wanted ones' number.</summary>
    private static IEnumerable<string> Difference(JsonNode? want, JsonNode? found, string path)
    {
        switch (want)
        {
            case JsonObject fields:
                return fields.SelectMany(f => Difference(f.Value, (found as JsonObject)?[f.Key], $"{path}.{f.Key}"));
            case JsonArray items when found is JsonArray list && list.Count == items.Count:
                return items.SelectMany((item, i) => Difference(item, list[i], $"{path}[{i}]"));
            default:
                return $"{want?.ToJsonString()}" == $"{found?.ToJsonString()}" ? [] : [$"{path}: {want?.ToJsonString() ?? "nothing"} expected, {found?.ToJsonString() ?? "nothing"} found"];
        }
    }

    private static string[] Lines(JsonNode value) => value is JsonArray list ? [.. list.Select(l => (string)l!)] : [(string)value!];

    private static void Same(string what, string[] want, string[] found, List<string> unmet) =>
        Same(what, string.Join('\n', want), string.Join('\n', found), unmet);

    private static void Same(string what, string want, string found, List<string> unmet)
    {
        if (!string.Equals(want, found, StringComparison.Ordinal)) unmet.Add($"{what}: \"{want}\" expected, \"{Short(found)}\" found");
    }

    private static void Holds(string what, string part, string whole, List<string> unmet)
    {
        if (!whole.Contains(part, StringComparison.Ordinal)) unmet.Add($"{what}: \"{part}\" expected in \"{Short(whole)}\"");
    }

    private static string Short(string text) => text.Length <= 2000 ? text : $"{text[..1000]} … {text[^1000..]}";
}
