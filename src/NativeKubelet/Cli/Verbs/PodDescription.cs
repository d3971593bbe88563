using System.Globalization;
using System.Text.Json;
using NativeKubelet.Api.Local;

namespace NativeKubelet.Cli.Verbs;

/// <summary>A pod in the layout that users know from kubectl. Lines are not cleaned yet of what could command a terminal.</summary>
public static class PodDescription
{
    private const int Key = 18;

    /// <param name="pod">As the Kubernetes API shapes it.</param>
    /// <param name="events">Of this pod, oldest first.</param>
    public static IReadOnlyList<string> Of(JsonElement pod, PodDocument known, IReadOnlyList<EventDocument> events, DateTimeOffset now)
    {
        List<string> lines = [];
        JsonElement? metadata = At(pod, "metadata"), spec = At(pod, "spec"), status = At(pod, "status");
        Pair(lines, 0, "Name", known.Name);
        Pair(lines, 0, "Namespace", known.Namespace);
        Pair(lines, 0, "UID", known.Uid);
        Pair(lines, 0, "Source", known.Source);
        if (Text(spec, "priorityClassName") is { } priority) Pair(lines, 0, "Priority Class", priority);
        Pair(lines, 0, "Node", string.Join('/', ((string?[])[Text(spec, "nodeName"), Text(status, "hostIP")]).OfType<string>()));
        Pair(lines, 0, "Start Time", known.StartTime is { } start ? Time(start) : "");
        Map(lines, "Labels", At(metadata, "labels"));
        Map(lines, "Annotations", At(metadata, "annotations"));
        Pair(lines, 0, "Status", known.Phase == known.Status ? known.Phase : $"{known.Phase} ({known.Status})");
        if (Text(status, "reason") is { Length: > 0 } reason) Pair(lines, 0, "Reason", reason);
        if (known.Message.Length > 0) Pair(lines, 0, "Message", known.Message);
        Pair(lines, 0, "IP", known.Ip);
        if (Items(spec, "initContainers") is { Length: > 0 } init)
        {
            lines.Add("Init Containers:");
            foreach (JsonElement container in init) Container(lines, container, status, known);
        }
        lines.Add("Containers:");
        foreach (JsonElement container in Items(spec, "containers")) Container(lines, container, status, known);
        if (Items(spec, "ephemeralContainers") is { Length: > 0 } ephemeral)
        {
            lines.Add("Ephemeral Containers:");
            foreach (JsonElement container in ephemeral) Container(lines, container, status, known);
        }
        Conditions(lines, status);
        Volumes(lines, spec);
        Pair(lines, 0, "QoS Class", known.Qos);
        Pair(lines, 0, "Restart Policy", Text(spec, "restartPolicy") ?? "Always");
        Events(lines, events, now);
        return lines;
    }

    private static void Container(List<string> lines, JsonElement container, JsonElement? podStatus, PodDocument known)
    {
        string name = Text(container, "name") ?? "";
        JsonElement? status = ((string[])["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"]).SelectMany(list => Items(podStatus, list)).Where(s => Text(s, "name") == name).Select(s => (JsonElement?)s).FirstOrDefault();
        lines.Add($"  {name}:");
        Pair(lines, 4, "Container ID", Text(status, "containerID"));
        Pair(lines, 4, "Image", Text(container, "image"));
        Pair(lines, 4, "Image ID", Text(status, "imageID"));
        Pair(lines, 4, "Ports", string.Join(", ", Items(container, "ports").Select(Port)));
        if (Items(container, "command").Length > 0) Pair(lines, 4, "Command", Words(container, "command"));
        if (Items(container, "args").Length > 0) Pair(lines, 4, "Args", Words(container, "args"));
        State(lines, "State", At(status, "state"));
        if (At(status, "lastState") is { } last && last.EnumerateObject().Any()) State(lines, "Last State", last);
        Pair(lines, 4, "Ready", At(status, "ready")?.ValueKind == JsonValueKind.True ? "True" : "False");
        Pair(lines, 4, "Restart Count", At(status, "restartCount")?.GetRawText() ?? "0");
        foreach ((string field, string title) in (ReadOnlySpan<(string, string)>)[("limits", "Limits"), ("requests", "Requests")])
            if (At(At(container, "resources"), field) is { } amounts)
                Pair(lines, 4, title, string.Join(", ", amounts.EnumerateObject().Select(a => $"{a.Name} {Plain(a.Value)}")));
        foreach (string probe in (ReadOnlySpan<string>)["livenessProbe", "readinessProbe", "startupProbe"])
            if (At(container, probe) is { } how) Pair(lines, 4, char.ToUpperInvariant(probe[0]) + probe[1..^5], Probe(how));
        List(lines, "Environment", [.. Items(container, "env").Select(e => $"{Text(e, "name")}: {Text(e, "value") ?? (At(e, "valueFrom") is { } from ? Plain(from) : "")}")]);
        List(lines, "Mounts", [.. Items(container, "volumeMounts").Select(Mount)]);
        if (known.Find(name) is { LogPath.Length: > 0 } run) Pair(lines, 4, "Log", run.LogPath);
    }

    private static void State(List<string> lines, string title, JsonElement? state)
    {
        if (state is not { ValueKind: JsonValueKind.Object } s || s.EnumerateObject().Select(p => (JsonProperty?)p).FirstOrDefault() is not { } kind)
        {
            Pair(lines, 4, title, "Waiting");
            return;
        }
        Pair(lines, 4, title, char.ToUpperInvariant(kind.Name[0]) + kind.Name[1..]);
        foreach ((string field, string name) in (ReadOnlySpan<(string, string)>)
            [("reason", "Reason"), ("message", "Message"), ("exitCode", "Exit Code"), ("signal", "Signal"), ("startedAt", "Started"), ("finishedAt", "Finished")])
            if (At(kind.Value, field) is { } value && Plain(value) is { Length: > 0 } text)
                Pair(lines, 6, name, field.EndsWith("At", StringComparison.Ordinal) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset at) ? Time(at) : text);
    }

    private static void Conditions(List<string> lines, JsonElement? status)
    {
        lines.Add("Conditions:");
        foreach (JsonElement c in Items(status, "conditions"))
        {
            string why = string.Join(": ", ((string?[])[Text(c, "reason"), Text(c, "message")]).Where(t => !string.IsNullOrEmpty(t)));
            lines.Add($"  {Text(c, "type"),-28}{Text(c, "status"),-8}{why}".TrimEnd());
        }
    }

    private static void Volumes(List<string> lines, JsonElement? spec)
    {
        JsonElement[] volumes = Items(spec, "volumes");
        lines.Add(volumes.Length == 0 ? "Volumes:          <none>" : "Volumes:");
        foreach (JsonElement volume in volumes)
            foreach (JsonProperty source in volume.EnumerateObject().Where(f => !f.NameEquals("name")))
                lines.Add($"  {Text(volume, "name")}: {source.Name} {(source.Value.ValueKind == JsonValueKind.Object && source.Value.EnumerateObject().Any() ? Plain(source.Value) : "")}".TrimEnd());
    }

    private static void Events(List<string> lines, IReadOnlyList<EventDocument> events, DateTimeOffset now)
    {
        lines.Add(events.Count == 0 ? "Events:           <none>" : "Events:");
        if (events.Count == 0) return;
        Table table = new("TYPE", "REASON", "AGE", "MESSAGE");
        foreach (EventDocument e in events)
            table.Add(e.Type, e.Reason, Units.Age(now - e.Last) + (e.Count > 1 ? $" (x{e.Count} over {Units.Age(now - e.First)})" : ""), (e.Container.Length > 0 ? $"{e.Container}: " : "") + e.Message);
        using StringWriter text = new() { NewLine = "\n" };
        table.Print(text);
        lines.AddRange(text.ToString().TrimEnd('\n').Split('\n').Select(l => "  " + l));
    }

    private static string Port(JsonElement p) =>
        $"{At(p, "containerPort")?.GetRawText()}/{Text(p, "protocol") ?? "TCP"}" + (At(p, "hostPort") is { } host ? $" on host port {host.GetRawText()}" : "");

    /// <summary>As kubectl: <c>http-get http://:8080/ delay=0s timeout=1s period=10s #success=1 #failure=3</c>.</summary>
    private static string Probe(JsonElement probe)
    {
        string Number(string field, string absent) => At(probe, field)?.GetRawText() ?? absent;
        string PortOf(JsonElement? action) => At(action, "port") is { } port ? Plain(port) : "";
        string how =
            At(probe, "httpGet") is { } http ? $"http-get {(Text(http, "scheme") ?? "HTTP").ToLowerInvariant()}://{Text(http, "host")}:{PortOf(http)}{Text(http, "path")}"
            : At(probe, "tcpSocket") is { } tcp ? $"tcp-socket {Text(tcp, "host")}:{PortOf(tcp)}"
            : At(probe, "grpc") is { } grpc ? $"grpc <pod>:{PortOf(grpc)} {Text(grpc, "service")}".TrimEnd()
            : $"exec [{(At(probe, "exec") is { } exec ? Words(exec, "command") : "")}]";
        return $"{how} delay={Number("initialDelaySeconds", "0")}s timeout={Number("timeoutSeconds", "1")}s period={Number("periodSeconds", "10")}s #success={Number("successThreshold", "1")} #failure={Number("failureThreshold", "3")}";
    }

    private static string Mount(JsonElement m) =>
        $"{Text(m, "mountPath")} from {Text(m, "name")} ({(At(m, "readOnly")?.ValueKind == JsonValueKind.True ? "ro" : "rw")})";

    private static string Words(JsonElement container, string field) => string.Join(' ', Items(container, field).Select(w => Word(w.GetString() ?? "")));

    private static string Word(string word) => word.Length > 0 && !word.AsSpan().ContainsAny(" \t\n\"'") ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static void Map(List<string> lines, string title, JsonElement? map)
    {
        if (map is not { ValueKind: JsonValueKind.Object } m || !m.EnumerateObject().Any())
        {
            Pair(lines, 0, title, "<none>");
            return;
        }
        foreach (JsonProperty entry in m.EnumerateObject())
        {
            lines.Add((title.Length > 0 ? title + ":" : "").PadRight(Key) + $"{entry.Name}={Plain(entry.Value)}");
            title = "";
        }
    }

    private static void List(List<string> lines, string title, string[] entries)
    {
        if (entries.Length == 0)
        {
            Pair(lines, 4, title, "<none>");
            return;
        }
        lines.Add($"    {title}:");
        lines.AddRange(entries.Select(e => "      " + e));
    }

    private static void Pair(List<string> lines, int indent, string key, string? value) =>
        lines.Add((new string(' ', indent) + (key + ":").PadRight(Key) + (string.IsNullOrEmpty(value) ? "<none>" : value)).TrimEnd());

    private static string Plain(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Object => string.Join(", ", value.EnumerateObject().Select(f => f.Value.ValueKind == JsonValueKind.Object ? $"{f.Name} ({Plain(f.Value)})" : $"{f.Name} {Plain(f.Value)}")),
        JsonValueKind.Array => $"[{string.Join(", ", value.EnumerateArray().Select(Plain))}]",
        _ => value.GetRawText(),
    };

    private static string Time(DateTimeOffset time) => time.ToUniversalTime().ToString("ddd, dd MMM yyyy HH:mm:ss +0000", CultureInfo.InvariantCulture);

    private static JsonElement? At(JsonElement? value, string field) =>
        value is { ValueKind: JsonValueKind.Object } v && v.TryGetProperty(field, out JsonElement found) && found.ValueKind != JsonValueKind.Null ? found : null;

    private static string? Text(JsonElement? value, string field) => At(value, field) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    private static JsonElement[] Items(JsonElement? value, string field) =>
        At(value, field) is { ValueKind: JsonValueKind.Array } list ? [.. list.EnumerateArray()] : [];
}
