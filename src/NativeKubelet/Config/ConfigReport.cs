using System.Text.Json;
using System.Text.Json.Nodes;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Api.Local;

namespace NativeKubelet.Config;

/// <summary>The configuration in force, for people and programs that ask.</summary>
public static class ConfigReport
{
    private const string Masked = "<masked>", Headers = "staticPodURLHeader";

    public static ConfigDocument Of(KubeletOptions options)
    {
        ParsedFlags flags = options.Origins.Flags;
        IEnumerable<ConfigFieldDocument> fields = options.Origins.Of(options.Configuration).Where(v => v.Field is not ("apiVersion" or "kind")).OrderBy(v => v.Field, StringComparer.Ordinal)
            .Select(v => new ConfigFieldDocument(v.Field, v.Field.StartsWith(Headers, StringComparison.Ordinal) ? Masked : Text(v.Value), Word(v.Kind), v.Where));
        IEnumerable<ConfigFieldDocument> own = KubeletFlags.All
            .Where(f => f.Field is null && f.AliasOf is null && f.Status == FlagStatus.Read && f.Name is not ("help" or "version"))
            .Select(f => flags.Own.TryGetValue(f.Name, out JsonNode? given)
                ? new ConfigFieldDocument("--" + f.Name, Text(given), Word(ConfigOriginKind.Flag), "--" + f.Name)
                : new("--" + f.Name, f.Default, Word(ConfigOriginKind.Default), ""));
        return new(
            Shown(options), [.. fields, .. own],
            [.. flags.Deprecations, .. options.Warnings]);
    }

    /// <summary>The KubeletConfiguration with every default filled in. The headers of a manifest URL carry credentials, and are masked.</summary>
    public static JsonElement Shown(KubeletOptions options)
    {
        KubeletConfiguration shown = options.Configuration.StaticPodURLHeader is null ? options.Configuration
            : options.Configuration with { StaticPodURLHeader = options.Configuration.StaticPodURLHeader.ToDictionary(h => h.Key, _ => (IReadOnlyList<string>)[Masked]) };
        return JsonSerializer.SerializeToElement(shown, KubeletConfigurationContext.Default.KubeletConfiguration);
    }

    private static string Text(JsonNode? value) => value switch
    {
        null => "",
        JsonValue scalar when scalar.TryGetValue(out string? text) => text,
        _ => value.ToJsonString(),
    };

    private static string Word(ConfigOriginKind kind) => kind == ConfigOriginKind.DropIn ? "drop-in" : kind.ToString().ToLowerInvariant();
}
