package report

// unit is how a metric is written after a number, and what is said when there is none.
type unit struct {
	counter, noun        string // Chinese: 位 and 摊主
	one, many            string // English
	unknownZH, unknownEN string
}

// unitOf returns the unit of a metric.
func unitOf(metric string) unit {
	switch metric {
	case MetricHeadcount:
		return unit{"人", "", "person", "people", "人数未统计", "attendance not counted"}
	case MetricTeam:
		return unit{"人", "", "person", "people", "人数未统计", "size not counted"}
	case MetricDonors:
		return unit{"个", "捐赠方", "donor", "donors", "捐赠方未统计", "donors not counted"}
	case MetricStallholders:
		return unit{"位", "摊主", "stall-holder", "stall-holders", "摊主人数未统计", "stall-holders not counted"}
	case MetricHouseholds:
		return unit{"户", "", "household", "households", "户数未统计", "households not counted"}
	case MetricBlocks:
		return unit{"个", "街区", "block", "blocks", "街区数未统计", "blocks not counted"}
	case MetricResources:
		return unit{"人", "", "person or partner", "people and partners", "未统计", "not counted"}
	case MetricSelfGovernance:
		return unit{"个", "自治组织", "self-governance group", "self-governance groups", "未统计", "not counted"}
	case MetricAwards:
		return unit{"个", "奖项", "award", "awards", "奖项未统计", "awards not counted"}
	default:
		return unit{"", "", "", "", "未统计", "not counted"}
	}
}
