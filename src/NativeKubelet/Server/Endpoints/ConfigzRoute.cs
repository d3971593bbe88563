using System.Text.Json;
using Microsoft.AspNetCore.Http;
using NativeKubelet.Config;

namespace NativeKubelet.Server.Endpoints;

/// <summary>/configz: the configuration in force, without what is secret in it.</summary>
internal sealed class ConfigzRoute(KubeletOptions options)
{
    // It cannot change while the agent runs, and is seldom asked for.
    private byte[]? _document;

    public Task ServeAsync(HttpContext context) => context.JsonAsync(_document ??= Document());

    private byte[] Document()
    {
        using MemoryStream to = new();
        using (Utf8JsonWriter json = new(to))
        {
            json.WriteStartObject();
            json.WritePropertyName("kubeletconfig");
            ConfigReport.Shown(options).WriteTo(json);
            json.WriteEndObject();
        }
        return to.ToArray();
    }
}
