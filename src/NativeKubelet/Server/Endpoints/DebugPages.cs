using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using NativeKubelet.Config;
using NativeKubelet.Core.Server;
using NativeKubelet.Logging;

namespace NativeKubelet.Server.Endpoints;

/// <summary>/flagz, /statusz and /debug/flags/v: how the program was started, for how long it has run, and how much it says.</summary>
internal sealed class DebugPages(KubeletOptions options, LogVerbosity verbosity, DateTimeOffset started, TimeProvider time)
{
    private const string Component = "kubelet", Group = "config.k8s.io";
    private const int LongestNumber = 16;

    private static readonly ImmutableArray<string> Paths =
    [
        "/attach", "/checkpoint", "/configz", "/containerLogs", "/debug", "/exec", "/flagz", "/healthz", "/logs", "/metrics", "/pods", "/portForward", "/run", "/runningpods", "/stats", "/statusz",
    ];

    private static string Version => KubeletVersion.Text.TrimStart('v');

    public Task FlagsAsync(HttpContext context)
    {
        if (FormOf(context, "Flagz") is not { } version) return context.TextAsync(200, Text("flagz", Flags().Select(f => $"{f.Name}={f.Value}")));
        JsonObject flags = [];
        foreach ((string name, string value) in Flags()) flags[name] = value;
        return JsonAsync(context, "Flagz", version, new() { ["flags"] = flags });
    }

    public Task StatusAsync(HttpContext context)
    {
        TimeSpan up = time.GetUtcNow() - started;
        long seconds = Math.Max(0, (long)up.TotalSeconds);
        string emulated = string.Join('.', Version.Split('.')[..2]);
        if (FormOf(context, "Statusz") is { } version)
            return JsonAsync(context, "Statusz", version, new()
            {
                ["startTime"] = started.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
                ["uptimeSeconds"] = seconds,
                ["goVersion"] = RuntimeInformation.FrameworkDescription,
                ["binaryVersion"] = Version,
                ["emulationVersion"] = emulated,
                ["paths"] = new JsonArray([.. Paths.Select(p => (JsonNode)p)]),
            });
        return context.TextAsync(200, Text("statusz",
        [
            "", $"Started: {started.UtcDateTime.ToString("ddd MMM d HH:mm:ss 'UTC' yyyy", CultureInfo.InvariantCulture)}",
            string.Create(CultureInfo.InvariantCulture, $"Up: {seconds / 3600} hr {seconds / 60 % 60:00} min {seconds % 60:00} sec"),
            $"Go version: {RuntimeInformation.FrameworkDescription}", $"Binary version: {Version}", $"Emulation version: {emulated}", $"Paths: {string.Join(' ', Paths)}",
        ]));
    }

    /// <summary>Takes effect with the next message, and is gone with the process.</summary>
    public async Task VerbosityAsync(HttpContext context)
    {
        if (!HttpMethods.IsPut(context.Request.Method)) throw new RefusedException(406, "unsupported http method\n");
        using StreamReader body = new(context.Request.Body, Encoding.ASCII);
        char[] text = new char[LongestNumber];
        int length = await body.ReadBlockAsync(text, context.RequestAborted);
        string wanted = new string(text, 0, length).Trim();
        if (!int.TryParse(wanted, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int level))
            throw new RefusedException(400, $"failed set klog.logging.verbosity {wanted}: invalid syntax\n");
        verbosity.Current = level;
        await context.TextAsync(200, string.Create(CultureInfo.InvariantCulture, $"successfully set klog.logging.verbosity to {level}"));
    }

    /// <summary>Every flag with the value that is in force, whoever gave it. Credentials are masked.</summary>
    private IEnumerable<(string Name, string Value)> Flags()
    {
        JsonElement configuration = ConfigReport.Shown(options);
        return
        [
            .. from flag in KubeletFlags.All
               where flag.AliasOf is null
               orderby flag.Name
               select (flag.Name, flag.Field is { } field ? Of(configuration, field) : options.Origins.Flags.Own.TryGetValue(flag.Name, out JsonNode? given) ? given.ToString() : flag.Default),
        ];

        static string Of(JsonElement at, string field)
        {
            foreach (string name in field.Split('.'))
                if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(name, out at)) return "";
            return at.ValueKind == JsonValueKind.Null ? "" : at.ToString();
        }
    }

    private static string Text(string page, IEnumerable<string> lines) =>
        $"\n{Component} {page}\nWarning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.\n{string.Concat(lines.Select(l => l + "\n"))}";

    /// <returns>The version of the object that is asked for; null: text.</returns>
    /// <exception cref="RefusedException">Neither will do.</exception>
    private static string? FormOf(HttpContext context, string kind)
    {
        string accept = context.Request.Headers.Accept.ToString();
        if (string.IsNullOrWhiteSpace(accept)) return null;
        foreach (string range in accept.Split(','))
        {
            string[] parts = [.. range.Split(';').Select(p => p.Trim())];
            if (parts[0] == "application/json" && parts.Contains("as=" + kind) && parts.Contains("g=" + Group) && parts.FirstOrDefault(p => p is "v=v1beta1" or "v=v1alpha1") is { } version) return version[2..];
            if (parts[0] is "text/plain" or "text/*" or "*/*") return null;
        }
        throw new RefusedException(406, $"only text/plain and application/json;as={kind};v=v1beta1;g={Group} can be had\n");
    }

    private static Task JsonAsync(HttpContext context, string kind, string version, JsonObject fields)
    {
        if (version == "v1alpha1") context.Response.Headers.Warning = $"299 - \"This version of the {kind.ToLowerInvariant()} endpoint is deprecated. Please use a newer version.\"";
        JsonObject document = new() { ["kind"] = kind, ["apiVersion"] = $"{Group}/{version}", ["metadata"] = new JsonObject { ["name"] = Component } };
        foreach ((string name, JsonNode? value) in fields.ToArray())
        {
            fields.Remove(name);
            document[name] = value;
        }
        return context.JsonAsync(Encoding.UTF8.GetBytes(document.ToJsonString()));
    }
}
