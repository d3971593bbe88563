using System.Text.Json;
using Microsoft.AspNetCore.Http;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Core.Stats;
using NativeKubelet.Server.Stats;

namespace NativeKubelet.Server.Endpoints;

/// <summary>/stats/summary: what autoscalers and the eviction of other agents read (spec 20 §9).</summary>
internal sealed class StatsRoutes(NodeStatsReader stats)
{
    public async Task SummaryAsync(HttpContext context)
    {
        bool lean = context.First("only_cpu_and_memory") == "true";
        SummaryDocument document = SummaryBuilder.Build(lean ? stats.Read() : stats.ReadWithDisks(), lean);
        context.Begin("application/json");
        await using Utf8JsonWriter json = new(context.Response.BodyWriter);
        JsonSerializer.Serialize(json, document, StatsJson.Default.SummaryDocument);
    }
}
